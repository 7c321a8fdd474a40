"""Review: a reader agrees with a label or corrects it, and may let the image be kept."""

import base64

import streamlit as st

from api.schemas import CONSENT_TEXT, CONSENT_VERSION, FeedbackRequest
from client import LeukolensClient, LeukolensError
from frontend import cards, paging, service, session, sign_in, theme
from frontend.wording import TRY_LATER, VERDICTS, pattern, percent
from frontend.workspace import SmearField

OTHER = "Other"
INLINE_BYTES = 3_000_000
"""A larger image goes by an upload: base64 adds a third, and a request to the API is limited."""


def render() -> None:
    """Show the view."""
    st.title("Review", anchor=False)
    answered = session.workspace().of("answered")
    if not answered:
        st.info("Nothing to review yet. Open Classify, and classify some fields first.", icon=":material/biotech:")
        return
    st.markdown(
        "Say what **you** see. Your label is stored together with the model's answer. It helps to measure the model, "
        "and to improve it."
    )
    done = sum(field.reviewed is not None for field in answered)
    st.progress(done / len(answered), f"{done} of {len(answered)} fields reviewed")
    ((number, field),) = paging.choose(list(enumerate(answered, 1)), 1, "review-page")
    picture, form = st.columns([1, 1], gap="medium")
    with picture:
        theme.heat_strength(0)
        st.html(cards.picture_of(field))
        st.caption(f"Field {number} · {cards.named(field)}")
    with form:
        _form(field)


def _form(field: SmearField) -> None:
    decision = field.answer.prediction
    words = VERDICTS[decision.verdict]
    if decision.verdict == "accepted":
        probability = percent(decision.probability)
        st.markdown(f"The model says **{decision.label}** ({pattern(decision.label)}), probability {probability}.")
    else:
        st.markdown("The model gives **no label**.")
    st.badge(words.title, icon=words.icon, color=words.tone)
    if field.reviewed is not None:
        st.success(f"Stored: you said **{field.reviewed}**.", icon=":material/task_alt:")
    card = service.card_if_reached()
    labels = [*(card.labels if card else field.answer.probabilities or ()), OTHER]
    with st.form(f"review-{field.key}", border=True):
        label = st.radio(
            "What does this field show?",
            labels,
            index=labels.index(decision.label) if decision.label and decision.verdict == "accepted" else None,
            captions=[pattern(label) if label != OTHER else "none of these" for label in labels],
        )
        reviewer = st.text_input("Your name or initials (optional)", sign_in.reviewer(), max_chars=200)
        comment = st.text_area("Comment (optional; write nothing about the patient)", max_chars=4_000)
        consent = st.checkbox(
            CONSENT_TEXT,
            disabled=field.data is None,
            help="Without this, only your label is stored, and not the image."
            if field.data
            else "The page no longer holds this file. To give the image, add it again in Classify.",
        )
        if st.form_submit_button("Send", type="primary", icon=":material/send:"):
            if label is None:
                st.error("Choose a label first.", icon=":material/error:")
            else:
                _send(field, label, reviewer, comment, consent=consent)


def _send(field: SmearField, label: str, reviewer: str, comment: str, *, consent: bool) -> None:
    client = service.connect()
    try:
        receipt = client.feedback(
            FeedbackRequest(
                request_id=field.answer.request_id,
                label=label,
                reviewer=reviewer or None,
                comment=comment or None,
                consent=consent,
                consent_version=CONSENT_VERSION if consent else None,
                **_image(client, field, consent=consent),
            )
        )
    except LeukolensError as error:
        st.error(f"**Not stored.** {error}", icon=":material/cloud_off:")
        st.markdown(f"Your label is still here: send it again. {TRY_LATER}")
        return
    field.reviewed = receipt.label
    st.toast("Stored, with the image." if receipt.image_kept else "Stored.", icon=":material/task_alt:")
    st.rerun()


def _image(client: LeukolensClient, field: SmearField, *, consent: bool) -> dict[str, str]:
    if not consent or field.data is None:
        return {}
    if len(field.data) > INLINE_BYTES:
        return {"upload_id": client.upload(field.data)}
    return {"image_base64": base64.b64encode(field.data).decode()}
