"""Model: the card of the model that answers, in words a laboratory can judge it by."""

import streamlit as st

from api.schemas import ModelSummary
from client import LeukolensError
from frontend import service, theme
from frontend.evaluation import evidence, sections, tables

KNOWN_LIMITS = (
    "It learned from one public data set of one laboratory; stain, microscope and camera of another may mislead it.",
    "The data set names no patients: neighbouring images come from the same slide, so published accuracies, ours too, "
    "say little about a new laboratory.",
    "The mean colour of an image alone, three numbers, already tells most of these images apart. A score is worth only "
    "what it adds to that.",
    "It reads one field at a time and knows four patterns. Anything else, it can at best call strange.",
)


def render() -> None:
    """Show the view."""
    st.title("Model", anchor=False)
    try:
        card = service.card()
    except LeukolensError as error:
        st.error(f"**The model's card cannot be read.** {error}", icon=":material/cloud_off:")
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
    st.header("What answers", anchor=False)
    for column, (name, value) in zip(
        st.columns(4),
        {
            "Version": card.version,
            "Backbone": card.backbone,
            "Precision": card.precision,
            "Size": f"{card.size_bytes / 1e6:.1f} MB",
        }.items(),
        strict=True,
    ):
        column.metric(name, value)
    rule, strange = card.prediction_set, card.out_of_distribution
    st.markdown(
        f"- **Labels:** {', '.join(card.labels)}; malignant: {', '.join(card.malignant_labels)}\n"
        f"- **Possible** is each label with a probability from {rule.minimum_probability:.3g}; **accepted** is a field "
        f"with exactly one ({rule.method}, for {rule.target_coverage:.0%} coverage)\n"
        f"- **Not a smear the model knows** has a strangeness score over {strange.threshold:.3g} ({strange.method})\n"
        f"- **Licence:** {card.license}\n"
        f"- **SHA-256:** `{card.sha256}`"
    )


def _limits() -> None:
    st.header("Limits", anchor=False)
    st.markdown("\n".join(f"- {limit}" for limit in KNOWN_LIMITS))
