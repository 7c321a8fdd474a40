"""Review: a reader agrees with a label or corrects it, and may let the image be kept."""

import base64

import streamlit as st

from api.schemas import CONSENT_TEXT, CONSENT_VERSION, OTHER, FeedbackRequest
from client import LeukolensClient, LeukolensError
from frontend import finding, pictures, service, session
from frontend.finding import ClassWords
from frontend.translation import _
from frontend.views import failure
from frontend.wording import plain
from frontend.workspace import NAME_CHARS, Review, SmearField, Workspace
from untrusted import in_html

INLINE_BYTES = 3_000_000
"""A larger image goes by an upload: base64 adds a third, and a request to the API is limited."""
COMMENT_CHARS = 4_000


def render() -> None:
    """Show the view for labelling fields."""
    workspace = session.workspace()
    answered = workspace.of("answered")
    if not answered:
        st.info(_("Nothing to review yet. Open Classify, and classify some fields first."), icon=":material/biotech:")
        return
    st.markdown(
        _(
            "Say what **you** see. Your label goes into the report and the CSV. Sent, it is stored together with the "
            "model's answer, to measure the model and to improve it."
        )
    )
    stored = [field for field in answered if field.review and field.review.sent]
    progress = _("{stored} of {fields} fields reviewed and stored").format(stored=len(stored), fields=len(answered))
    st.progress(len(stored) / len(answered), progress)
    _send_unsent(workspace, [field for field in answered if field.review and not field.review.sent])
    field = _choose(_by_doubt(workspace, answered))
    known = finding.with_own(finding.classes(workspace.card_of(field.answer), field.answer), workspace.own_classes)
    picture, form = st.columns([1, 1], gap="medium")
    with picture:
        if field.preview:
            source = pictures.data_uri(field.preview, "image/jpeg")
            name = in_html(_("Smear field {name}").format(name=field.name))
            st.html(f'<img class="leukolens-picture" src="{source}" alt="{name}">')
        st.caption(f"{_('Field')} {field.number} · {plain(field.name)}")
    with form:
        _form(workspace, field, known)


def _by_doubt(workspace: Workspace, answered: list[SmearField]) -> list[SmearField]:
    """Sort fields so that those come first whose label would teach the model the most."""
    return sorted(
        answered, key=lambda field: (-finding.read(field.answer, workspace.card_of(field.answer)).doubt, field.number)
    )


def _choose(answered: list[SmearField]) -> SmearField:
    """Give the field to review: the one that was chosen, else the next without a stored label."""
    by_key = {field.key: field for field in answered}
    if (following := st.session_state.pop("review-next", None)) in by_key:
        st.session_state["review-field"] = following  # a widget's own key may be set only before it is shown
    if st.session_state.get("review-field") not in by_key:
        waiting = [field.key for field in answered if not (field.review and field.review.sent)]
        st.session_state["review-field"] = (waiting or list(by_key))[0]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        key = st.selectbox(
            _("Field"),
            list(by_key),
            format_func=lambda key: f"{by_key[key].number}: {by_key[key].name}{_mark(by_key[key])}",
            key="review-field",
        )
        st.button(_("Previous"), on_click=_step, args=(list(by_key), -1), shortcut="Alt+Left")
        st.button(_("Next"), on_click=_step, args=(list(by_key), 1), shortcut="Alt+Right")
    return by_key[key]


def _mark(field: SmearField) -> str:
    return "" if field.review is None else f" ({field.review.label}{', ' + _('stored') if field.review.sent else ''})"


def _step(keys: list[str], step: int) -> None:
    here = keys.index(st.session_state["review-field"])
    st.session_state["review-field"] = keys[max(0, min(len(keys) - 1, here + step))]


def _advance(workspace: Workspace, field: SmearField) -> None:
    """Go on to the next field without a stored label; stay where there is none."""
    answered = _by_doubt(workspace, workspace.of("answered"))
    here = answered.index(field)
    waiting = [field for field in answered[here + 1 :] + answered[:here] if not (field.review and field.review.sent)]
    if waiting:
        st.session_state["review-next"] = waiting[0].key


def _form(workspace: Workspace, field: SmearField, known: list[ClassWords]) -> None:
    reading = finding.read(field.answer, workspace.card_of(field.answer))
    details = ", ".join(filter(None, [reading.certainty, reading.pattern]))
    st.markdown(_("The model says: **{finding}**").format(finding=reading.title) + (f" ({details})" if details else ""))
    if field.review is not None:
        where = _("Stored") if field.review.sent else _("Not sent yet")
        name = finding.name_of(field.review.label, known)
        st.success(f"{where}: {_('you said')} **{plain(name)}**.", icon=":material/task_alt:")
    labels = [*(class_words.label for class_words in known), OTHER]
    with st.form(f"review-{field.key}", border=True):
        label = st.radio(
            _("What does this field show?"),
            labels,
            index=_preset(field, labels),
            format_func=lambda label: finding.name_of(label, known),
            captions=[*(class_words.description for class_words in known), ""],
        )
        # Not primary: the key that Streamlit writes on such a button has too little contrast.
        sent = st.form_submit_button(_("Send and go on"), icon=":material/send:", shortcut="Ctrl+Enter", key="send")
        reviewer = st.text_input(_("Your name or initials (optional)"), workspace.reviewer, max_chars=NAME_CHARS)
        comment = st.text_area(
            _("Comment (optional; write nothing about the patient)"),
            field.review.comment if field.review else "",
            max_chars=COMMENT_CHARS,
        )
        consent = st.checkbox(
            _(CONSENT_TEXT),
            disabled=field.data is None,
            help=_("Without this, only your label is stored, and not the image.")
            if field.data
            else _("The page no longer holds this file. To give the image, add it again in Classify."),
        )
    if sent:
        if label is None:
            st.error(_("Choose a label first."), icon=":material/error:")
            return
        workspace.reviewer = reviewer
        workspace.set_review(field.key, Review(label, reviewer, comment))
        if _send(workspace, field, consent=consent):
            _advance(workspace, field)
            st.rerun()


def _preset(field: SmearField, labels: list[str]) -> int | None:
    """Propose what the reader said before, else what the model stands by, else nothing."""
    decision = field.answer.prediction
    label = field.review.label if field.review else decision.label if decision.verdict == "accepted" else None
    return labels.index(label) if label in labels else None


def _send_unsent(workspace: Workspace, unsent: list[SmearField]) -> None:
    """Offer to send at once what was labelled by key in Classify."""
    if not unsent:
        return
    caption = _("Send the labels given in Classify ({count})").format(count=len(unsent))
    if st.button(caption, icon=":material/send:") and all(_send(workspace, field, consent=False) for field in unsent):
        st.rerun()


def _send(workspace: Workspace, field: SmearField, *, consent: bool) -> bool:
    review, client = field.review, service.connect()
    if review is None:
        return True
    own = workspace.own_classes.get(review.label, "")
    # A class of the reader's own is stored by its id; its name is told in words.
    comment = ": ".join(filter(None, [own, review.comment]))
    try:
        image = _image(client, field, consent=consent)
        receipt = client.feedback(
            FeedbackRequest(
                request_id=field.answer.request_id,
                label=review.label,
                own_class=bool(own),
                specimen=(workspace.specimen or None) if consent else None,
                reviewer=review.reviewer or workspace.reviewer or None,
                comment=comment or None,
                consent=consent,
                consent_version=CONSENT_VERSION if consent else None,
                image_base64=image.get("image_base64"),
                upload_id=image.get("upload_id"),
            ),
            model=field.answer.model.name or None,
        )
    except LeukolensError as error:
        failure.show(error, _("Not stored."), _("Your label is still here: send it again."))
        return False
    reviewer = review.reviewer or workspace.reviewer
    workspace.mark_stored(field.key, Review(receipt.label, reviewer, review.comment, sent=True, at=review.at))
    st.toast(_("Stored, with the image.") if receipt.image_kept else _("Stored."), icon=":material/task_alt:")
    return True


def _image(client: LeukolensClient, field: SmearField, *, consent: bool) -> dict[str, str]:
    if not consent or field.data is None:
        return {}
    if len(field.data) > INLINE_BYTES:
        return {"upload_id": client.upload(field.data)}
    return {"image_base64": base64.b64encode(field.data).decode()}
