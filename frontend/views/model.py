"""Model: the card of the model that answers, in words a laboratory can judge it by."""

import streamlit as st

from api.schemas import ModelSummary
from client import LeukolensError
from frontend import service, theme
from frontend.evaluation import evidence, sections, tables
from frontend.wording import TRY_LATER, percent

KNOWN_LIMITS = (
    "It learned from one public data set of one laboratory. The stain, microscope or camera of another laboratory may "
    "mislead it.",
    "The data set does not name the patients, and many of its images come from the same slides. So its scores, and "
    "those of published papers, say little about a new laboratory.",
    "The mean colour of an image alone, three numbers, already separates most images of this data set. A score means "
    "only what it adds to that.",
    "It reads one field at a time and knows four patterns. For anything else, the best that it can say is: not known "
    "to the model.",
)


def render() -> None:
    """Show the view."""
    try:
        card = service.card()
    except LeukolensError as error:
        st.error(f"**The model's card cannot be read.** {error}", icon=":material/cloud_off:")
        st.markdown(TRY_LATER)
        st.button("Try again", type="primary", icon=":material/refresh:")
        return
    _use(card)
    _facts(card)
    _limits()
    sections.show(evidence.read(card.evaluation), card.labels, theme.ink())
    if card.training:
        with st.expander("How it was trained", icon=":material/model_training:"):
            tables.figures(card.training)


def _use(card: ModelSummary) -> None:
    st.info(f"**Intended use.** {card.intended_use}", icon=":material/science:")
    st.warning(f"**Not for.** {card.misuse}", icon=":material/do_not_disturb_on:")


def _facts(card: ModelSummary) -> None:
    st.header("The model in use", anchor=False)
    facts = {
        "Version": card.version,
        "Network": card.backbone,
        "Precision": card.precision,
        "Size": f"{card.size_bytes / 1e6:.1f} MB",
    }
    with st.container(horizontal=True, gap="large", key="facts"):
        for name, value in facts.items():
            st.metric(name, value, width="content")
    rule, strange = card.prediction_set, card.out_of_distribution
    st.markdown(
        f"- **Labels:** {', '.join(card.labels)}; malignant: {', '.join(card.malignant_labels)}\n"
        f"- **Possible:** each label with a probability of at least {percent(rule.minimum_probability)} "
        f"({rule.method}, for a coverage of {percent(rule.target_coverage)})\n"
        f"- **Accepted:** exactly one label is possible. **Uncertain:** more than one is, or none\n"
        f"- **Not known to the model:** the strangeness score is over {strange.threshold:.3g} ({strange.method})\n"
        f"- **Licence:** {card.license}\n"
        f"- **SHA-256:** `{card.sha256}`"
    )


def _limits() -> None:
    st.header("Limits", anchor=False)
    st.markdown("\n".join(f"- {limit}" for limit in KNOWN_LIMITS))
