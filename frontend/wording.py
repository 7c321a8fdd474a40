"""What the page says of a result: one place for words that a reader relies on."""

from dataclasses import dataclass
from typing import Literal

from api.schemas import Prediction, Verdict

NO_BREAK = "\N{NO-BREAK SPACE}"
Tone = Literal["green", "orange", "gray"]


TRY_LATER = "Try again in a minute. If it fails again, tell whoever runs this service."
"""What a reader can do about a service that does not answer."""


@dataclass(frozen=True)
class VerdictWords:
    """A verdict in words, an icon and a tone; no meaning is carried by colour alone."""

    title: str
    icon: str
    tone: Tone
    meaning: str
    next_step: str


VERDICTS: dict[Verdict, VerdictWords] = {
    "accepted": VerdictWords(
        title="Accepted",
        icon=":material/check_circle:",
        tone="green",
        meaning="One pattern fits this field, and the model has learned from fields like it.",
        next_step="Confirm it under the microscope. If the pattern is malignant, have a haematologist review the smear "
        "and order flow cytometry.",
    ),
    "uncertain": VerdictWords(
        title="Uncertain",
        icon=":material/help:",
        tone="orange",
        meaning="More than one pattern is possible, or none is likely enough. So the model does not decide.",
        next_step="Read this field under the microscope, or take a sharper image or the next field.",
    ),
    "out_of_distribution": VerdictWords(
        title="Not known to the model",
        icon=":material/block:",
        tone="gray",
        meaning="This image is very different from the fields that the model learned from. The probabilities mean "
        "nothing here.",
        next_step="Check stain, focus and magnification: the model knows only blood smears, taken with a 100x oil "
        "immersion objective. If all are right, read the field under the microscope.",
    ),
}

PATTERNS = {
    "Benign": "no malignant lymphoblasts",
    "Early": "early pre-B lymphoblasts",
    "Pre": "pre-B lymphoblasts",
    "Pro": "pro-B lymphoblasts",
}
"""What each label of the shipped model stands for."""


def pattern(label: str | None) -> str:
    """Say what a label stands for; a label that only another model has stands for itself."""
    return PATTERNS.get(label, label) if label else "none"


def percent(probability: float | None) -> str:
    """Write a probability as a percentage that never claims certainty; None is one that the model does not tell.

    Examples
    --------
    >>> [percent(value).replace(NO_BREAK, " ") for value in (0.9912, 0.99999, 0.0)]
    ['99.1 %', 'over 99.9 %', 'under 0.1 %']
    """
    if probability is None:
        return "not told"
    if probability > 0.999:
        return f"over 99.9{NO_BREAK}%"
    if probability < 0.001:
        return f"under 0.1{NO_BREAK}%"
    return f"{probability:.1%}".replace("%", f"{NO_BREAK}%")


def possible(labels: list[str]) -> str:
    """Say which labels the model cannot rule out.

    Examples
    --------
    >>> possible(["Early", "Pre"]), possible(["Pro"]), possible([])
    ('Early or Pre', 'Pro', 'none')
    """
    if not labels:
        return "none"
    return " or ".join(filter(None, [", ".join(labels[:-1]), labels[-1]]))


def malignant_in_words(answer: Prediction) -> str:
    """Say how probable a malignant pattern is; for a field that the model does not know, nothing is."""
    if answer.prediction.verdict == "out_of_distribution":
        return VERDICTS["out_of_distribution"].title.lower()
    return f"malignant {percent(answer.malignant_probability)}"
