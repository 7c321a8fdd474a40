"""What an answer means to a reader: the finding first, then how certain it is, then the pattern.

Names and colours of patterns come from the card of the model that answered, whatever its classes are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from api.schemas import OTHER, ModelSummary, Prediction
from frontend.translation import _
from frontend.wording import sure

Kind = Literal["malignant", "undecided", "unknown", "benign", "pattern"]
COLOURS = ("#0072B2", "#E69F00", "#D55E00", "#CC79A7", "#009E73", "#56B4E9", "#8C6BB1", "#7F7F7F")
"""For classes whose card names no colour (Okabe and Ito's palette, told apart by colour-blind readers)."""


@dataclass(frozen=True)
class ClassWords:
    """One of the model's classes, in words."""

    label: str
    name: str
    description: str
    colour: str
    triage: str | None


@dataclass(frozen=True)
class Finding:
    """An answer in words.

    Attributes
    ----------
    kind
        Decides sign, shape and colour; ``pattern`` is of a model whose classes are neither malignant nor benign.
    group
        What fields are counted and filtered by: the kind, or ``pattern:<label>``.
    title
        The finding.
    certainty
        How sure the model is, in words; empty where no number may be told.
    pattern
        In words, "early pre-B or pre-B"; empty where the finding says it all.
    meaning, next_step
        What it says, and what to do.
    reason
        Why it is not decided; empty where it is.
    rank
        What needs eyes first has the lowest.
    doubt
        How much a reader's label would tell: what is not decided has the most, then what is not known, then accepted
        findings by how close they are to not being so.
    """

    kind: Kind
    group: str
    title: str
    certainty: str
    pattern: str
    meaning: str
    next_step: str
    reason: str
    rank: float
    doubt: float = 0.0


def classes(card: ModelSummary | None, answer: Prediction | None = None) -> list[ClassWords]:
    """List the model's classes in its order.

    Parameters
    ----------
    card : ModelSummary or None
        None where it could not be read: the labels then stand for themselves.
    answer : Prediction, optional
        Names the labels where there is no card.
    """
    if card is None:
        labels = list((answer.probabilities if answer else None) or {})
        return [ClassWords(label, label, "", _colour(number), None) for number, label in enumerate(labels)]
    if card.classes:
        return [
            ClassWords(spec.id, spec.name or spec.id, spec.description, spec.colour or _colour(number), spec.triage)
            for number, spec in enumerate(card.classes)
        ]
    sides = dict.fromkeys(card.labels, "benign" if card.malignant_labels else None)
    sides |= dict.fromkeys(card.malignant_labels, "malignant")
    return [ClassWords(label, label, "", _colour(number), sides[label]) for number, label in enumerate(card.labels)]


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def with_own(known: Sequence[ClassWords], own: Mapping[str, str]) -> list[ClassWords]:
    """Add a reader's own classes, by id and name, to those of the model; its own words stand where both have one."""
    labels = {class_words.label for class_words in known}
    added = [entry for entry in own.items() if entry[0] not in labels]
    colours = (_colour(number) for number in range(len(known), len(known) + len(added)))
    return [*known, *(ClassWords(*entry, "", colour, None) for entry, colour in zip(added, colours, strict=True))]


def name_of(label: str | None, known: Sequence[ClassWords]) -> str:
    """Name a label; one that the card does not list stands for itself."""
    if label is None:
        return ""
    if label == OTHER:
        return _("none of these")
    return next((class_words.name for class_words in known if class_words.label == label), label)


def alternatives(names: Sequence[str]) -> str:
    """List what is possible, as within a sentence.

    Examples
    --------
    >>> alternatives(["early pre-B", "pre-B"]), alternatives(["a", "b", "c"]), alternatives([])
    ('early pre-B or pre-B', 'a, b or c', '')
    """
    return _(" or ").join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def read(answer: Prediction, card: ModelSummary | None) -> Finding:
    """Put an answer into words.

    Parameters
    ----------
    answer : Prediction
        Of the API.
    card : ModelSummary or None
        Of the model that gave it.
    """
    known = classes(card, answer)
    if answer.prediction.verdict == "out_of_distribution":
        return _unknown(answer)
    if answer.triage is None:
        return _pattern_alone(answer, known)
    probability = answer.triage.probability
    if answer.triage.verdict != "accepted" or answer.triage.result is None or probability is None:
        return _undecided(answer, _possible(answer, known))
    side = answer.triage.result
    pattern = _possible(answer, [class_words for class_words in known if class_words.triage in (side, None)])
    if side == "malignant":
        return Finding(
            "malignant",
            "malignant",
            _("Malignant"),
            _("{share} sure").format(share=sure(probability)),
            pattern or _("pattern not told"),
            _("The model sees leukaemic blasts in this field, and has learned from fields like it."),
            _("Have a haematologist look at the smear, and order flow cytometry: it settles the subtype."),
            "",
            0 + (1 - probability) / 2,
            _doubt(answer, probability),
        )
    return Finding(
        "benign",
        "benign",
        _("Benign"),
        _("{share} sure").format(share=sure(1 - probability)),
        "" if pattern.casefold() == "benign" else pattern,
        _("The model sees no leukaemic blasts in this field. Other fields of the smear may hold some."),
        _("Read further fields: one benign field does not make a benign smear."),
        "",
        3 + probability / 2,
        _doubt(answer, 1 - probability),
    )


def _doubt(answer: Prediction, certainty: float) -> float:
    """Rank an accepted side for review: fields whose pattern is open come first."""
    return (0.0 if answer.prediction.verdict == "accepted" else 1.0) + 1 - certainty


def _possible(answer: Prediction, known: Sequence[ClassWords]) -> str:
    return alternatives([class_words.name for class_words in known if class_words.label in answer.prediction_set])


def _unknown(answer: Prediction) -> Finding:
    return Finding(
        "unknown",
        "unknown",
        _("Not known to the model"),
        "",
        "",
        _("This image is unlike the fields that the model learned from, so it says nothing about it."),
        _("Check stain, focus and magnification. If all are right, read the field under the microscope."),
        answer.reason or "",
        2,
        2,
    )


def _undecided(answer: Prediction, pattern: str) -> Finding:
    probability = answer.malignant_probability
    certainty = _("malignant: {share}").format(share=sure(probability)) if probability is not None else ""
    return Finding(
        "undecided",
        "undecided",
        _("Not decided"),
        certainty,
        pattern,
        _("The model cannot tell this field with the certainty that is asked of it."),
        _("Read this field under the microscope, or take a sharper image or the next field."),
        answer.reason or "",
        1 - (probability or 0) / 2,
        2 + _evenness(answer, probability),
    )


def _evenness(answer: Prediction, probability: float | None) -> float:
    """Tell how evenly an undecided field lies between its sides, or its patterns: 0 to 1."""
    if probability is not None:
        return 1 - abs(2 * probability - 1)
    return 1 - max((answer.probabilities or {"": 1.0}).values())


def _pattern_alone(answer: Prediction, known: Sequence[ClassWords]) -> Finding:
    decision = answer.prediction
    if decision.verdict != "accepted" or decision.label is None:
        return _undecided(answer, _possible(answer, known))
    name = name_of(decision.label, known)
    return Finding(
        "pattern",
        f"pattern:{decision.label}",
        name[:1].upper() + name[1:],
        _("{share} sure").format(share=sure(decision.probability)),
        "",
        _("One pattern fits this field, and the model has learned from fields like it."),
        _("Confirm it under the microscope."),
        "",
        2.5,
        1 - (decision.probability or 0.0),
    )
