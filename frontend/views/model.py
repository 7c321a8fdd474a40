"""Model: the card of the model that answers, in words a laboratory can judge it by."""

from typing import Any

import streamlit as st

from api.schemas import ModelSummary
from client import LeukolensError
from frontend import service

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
    _figures("Evaluation", card.evaluation)
    _figures("Training", card.training)


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


def _figures(title: str, figures: dict[str, Any]) -> None:
    """Show a free part of the card: single figures in one table, each part with a heading of its own."""
    if not figures:
        return
    st.header(title, anchor=False)
    single = {name: value for name, value in figures.items() if not isinstance(value, dict | list)}
    if single:
        st.table({"Figure": [_words(name) for name in single], "Value": [_number(value) for value in single.values()]})
    for name, value in figures.items():
        if isinstance(value, dict | list):
            st.markdown(f"**{_words(name)}**")
            st.table(_rows(value))


def _rows(part: dict[str, Any] | list[Any]) -> list[dict[str, str]]:
    if isinstance(part, dict) and not any(isinstance(value, dict) for value in part.values()):
        part = [{"Figure": _words(name), "Value": value} for name, value in part.items()]
    elif isinstance(part, dict):
        part = [
            {"": _words(name), **(value if isinstance(value, dict) else {"value": value})}
            for name, value in part.items()
        ]
    rows = [row if isinstance(row, dict) else {"Value": row} for row in part]
    return [{_words(str(name)): _number(value) for name, value in row.items()} for row in rows]


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(_number(one) for one in value)
    return str(value)
