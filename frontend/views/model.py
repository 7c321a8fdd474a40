"""Model: how often it is wrong, in two sentences; folded below, the card in words a laboratory can judge it by."""

import streamlit as st

from api.schemas import ModelSummary
from client import LeukolensError
from frontend import finding, service, session, theme
from frontend.evaluation import dots, evidence, sections, tables
from frontend.evaluation.dots import Hundred
from frontend.evaluation.evidence import Evidence
from frontend.evaluation.wording import share
from frontend.translation import _
from frontend.views import comparing, failure
from frontend.wording import percent, plain
from untrusted import in_html

PROJECTS_OWN = "leukolens"
"""Name in the cards of models that the project trains on the public set."""
KINDEST = "random"


def render() -> None:
    """Show the view of the model and its evaluation."""
    try:
        card = service.card(session.workspace().model)
    except LeukolensError as error:
        failure.show(error, _("The model's card cannot be read."), again=True)
        return
    known = finding.classes(card)
    measured = evidence.read(card.evaluation)
    _questions(dots.answers(measured, [class_words.triage == "malignant" for class_words in known]))
    comparing.render()
    st.info(f"**{_('Intended use')}.** {card.intended_use}", icon=":material/science:")
    st.warning(f"**{_('Not for')}.** {card.misuse}", icon=":material/do_not_disturb_on:")
    with st.expander(_("The model in use"), icon=":material/network_node:"):
        _facts(card, known)
    with st.expander(_("Limits"), icon=":material/rule:"):
        st.markdown("\n".join(f"- {limit}" for limit in _limits(card, known, measured)))
    with st.expander(_("How well it works, in every number"), icon=":material/query_stats:"):
        sections.show(measured, card.labels, theme.ink())
    if card.training:
        with st.expander(_("How it was trained"), icon=":material/model_training:"):
            tables.figures(card.training)


def _questions(answered: list[Hundred]) -> None:
    if not answered:
        st.warning(
            _("How often it is wrong on a new slide was not measured. Treat it as not tested."), icon=":material/help:"
        )
        return
    for hundred, column in zip(answered, st.columns(len(answered), gap="large"), strict=True):
        with column:
            st.header(dots.question(hundred), anchor=False)
            sentence = dots.sentence(hundred)
            st.markdown(sentence)
            st.html(
                f'<img class="leukolens-dots" src="{dots.picture(hundred, theme.name())}" alt="{in_html(sentence)}">'
            )
            signs = (
                f'<span><img src="{dots.sign(kind, hundred, theme.name())}" alt="" width="16"> {in_html(text)}</span>'
                for kind, text in dots.legend(hundred)
            )
            st.html(f'<p class="leukolens-legend">{"".join(signs)}</p>')
            st.caption(dots.measured_on(hundred))


def _facts(card: ModelSummary, known: list[finding.ClassWords]) -> None:
    facts = {
        _("Version"): card.version,
        _("Network"): card.backbone,
        _("Precision"): card.precision,
        _("Size"): f"{card.size_bytes / 1e6:.1f} MB",
    }
    with st.container(horizontal=True, gap="large", key="facts"):
        for name, value in facts.items():
            st.metric(name, value, width="content")
    rule, strange = card.prediction_set, card.out_of_distribution
    malignant = [class_words.name for class_words in known if class_words.triage == "malignant"]
    lines = [(_("Classes"), ", ".join(class_words.name for class_words in known))]
    if malignant:
        lines.append((_("Malignant"), ", ".join(malignant)))
    if card.triage is not None:
        lines += [
            (
                _("Malignant or benign is decided"),
                _("from a probability of {most} upwards, or up to {least} ({method})").format(
                    most=percent(card.triage.malignant_minimum),
                    least=percent(card.triage.benign_maximum),
                    method=card.triage.method,
                ),
            ),
            (_("Guarantee"), card.triage.guarantee),
        ]
    lines += [
        (
            _("A pattern may be"),
            _("each class with a probability of at least {least} ({method}, for a coverage of {coverage})").format(
                least=percent(rule.minimum_probability), method=rule.method, coverage=percent(rule.target_coverage)
            ),
        ),
        (
            _("Not known to the model"),
            _("a field whose distance from known fields is over {threshold} ({method})").format(
                threshold=f"{strange.threshold:.3g}", method=strange.method
            ),
        ),
        (_("Licence"), card.license),
    ]
    st.markdown("\n".join(f"- **{name}:** {plain(text)}" for name, text in lines if text))
    st.markdown(f"- **SHA-256:** `{card.sha256}`")


def _limits(card: ModelSummary, known: list[finding.ClassWords], measured: Evidence) -> list[str]:
    limits = [
        _(
            "It reads one field at a time and knows {count} classes: {names}. Of anything else, the best that it can "
            "say is: not known to the model."
        ).format(count=len(known), names=plain(", ".join(class_words.name for class_words in known)))
    ]
    if card.name == PROJECTS_OWN:
        limits += [
            _(
                "It learned from one public data set of one laboratory. The stain, microscope or camera of another "
                "laboratory may mislead it."
            ),
            _(
                "The data set does not name the patients, and many of its images come from the same slides. So its "
                "scores, and those of published papers, say little about a new laboratory."
            ),
        ]
    colour = measured.shortcuts.get("mean_colour", {}).get(KINDEST)
    if colour is not None:
        limits.append(
            _(
                "The mean colour of an image alone, three numbers, is right on {share} of fields drawn at random. A "
                "score means only what it adds to that."
            ).format(share=share(colour))
        )
    return limits
