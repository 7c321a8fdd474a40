"""Decides on a field from its numbers, by the card's rules alone; training measures with the same functions."""

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from .answer import Decision, Triage, Verdict
from .card import ModelCard, TriageRule
from .wording import NO_SIDE, UNKNOWN_FIELD, alternatives, looks_like, summarise_answer

_LEAST_PROBABILITY: Final = 1e-7
"""A float32 softmax is 0 or 1 from here on, of which there is no logit."""


def triage_probability(rule: TriageRule, malignant: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Calibrate sums of malignant probabilities.

    Parameters
    ----------
    rule
        Of the card.
    malignant
        float[...], sums over the malignant labels.

    Returns
    -------
    float64[...]
        Probability of malignant.
    """
    sums = np.clip(np.asarray(malignant, np.float64), _LEAST_PROBABILITY, 1.0 - _LEAST_PROBABILITY)
    logits = np.log(sums) - np.log1p(-sums)
    return np.asarray(1.0 / (1.0 + np.exp(-(rule.slope * logits + rule.intercept))))


def decide(
    card: ModelCard, probabilities: npt.NDArray[np.floating], strange: str | None = None, *, doubt: str | None = None
) -> Decision:
    """Apply the card's rules to one field.

    Parameters
    ----------
    card
        Of the model that answered.
    probabilities
        float[labels], calibrated.
    strange
        Why the field is out of distribution, of ``ood_reason``; None where it is not.
    doubt
        Why nothing of it may be accepted, whatever the probabilities; None where nothing speaks against it.

    Returns
    -------
    Decision
        Without a number where the field is out of distribution.
    """
    if strange is not None:
        triage = Triage(None, None, "out_of_distribution") if card.has_triage else None
        return Decision(triage, None, None, "out_of_distribution", None, None, (), UNKNOWN_FIELD, strange)
    by_label = dict(zip(card.labels, map(float, probabilities), strict=True))
    label = card.labels[int(probabilities.argmax())]
    minimums = zip(card.labels, card.minimum_probabilities, strict=True)
    chosen = tuple(candidate for candidate, minimum in minimums if by_label[candidate] >= minimum)
    # Rounding in float32 can carry a sum a hair over one.
    malignant = min(1.0, sum(by_label[blast] for blast in card.malignant_labels)) if card.has_triage else None
    triage = _triage(card, malignant, chosen)
    if doubt is not None and triage is not None:
        triage = replace(triage, verdict="uncertain")
    sure = len(chosen) == 1 and _agrees(card, triage, chosen[0]) and doubt is None
    verdict: Verdict = "accepted" if sure else "uncertain"
    return Decision(
        triage=triage,
        label=label,
        probability=by_label[label],
        verdict=verdict,
        probabilities=by_label,
        malignant_probability=malignant,
        prediction_set=chosen,
        summary=summarise_answer(card.classes, triage, chosen),
        reason=doubt or _reason(card, triage, verdict, chosen),
    )


def ood_reason(
    card: ModelCard, score: float, magnification: float | None = None, *, known: float | None = None
) -> str | None:
    """Say why a field is out of distribution.

    Parameters
    ----------
    card
        Of the model that answered.
    score
        Out-of-distribution score.
    magnification
        Relative to the trained one, as the network estimates it for what it saw.
    known
        Relative to the trained one, by the pixel size, for what the network saw.

    Returns
    -------
    str or None
        A sentence; None where the model knows such fields.
    """
    rule = card.scale
    correction = "tell its pixel size (microns_per_pixel)" if known is None else "correct its pixel size"
    for value, by in ((known, "by its pixel size"), (magnification, "by its cells")):
        if rule is not None and value is not None and not rule.minimum <= value <= rule.maximum:
            return (
                f"The field {looks_like(value)}, {by}; the model knows {rule.minimum:.2g}x to {rule.maximum:.2g}x. "
                f"Photograph it at that magnification, or {correction}."
            )
    if not score <= card.out_of_distribution.threshold:  # a score that is no number is not known, either
        return (
            "The field is unlike those that the model was made from: check stain, focus and magnification, and that "
            "it is a smear of the kind that the model's card names."
        )
    return None


def _triage(card: ModelCard, malignant: float | None, chosen: tuple[str, ...]) -> Triage | None:
    rule = card.triage_rule
    if rule is None or malignant is None:
        return None
    probability = float(triage_probability(rule, malignant))
    neither = any(spec.triage is None and spec.id in chosen for spec in card.classes)
    malignant_accepted, benign_accepted = probability >= rule.malignant_minimum, probability <= rule.benign_maximum
    return Triage(
        # Between the thresholds, which need not lie around a half, the more probable side.
        result="malignant" if malignant_accepted or (probability >= 0.5 and not benign_accepted) else "benign",
        probability=probability,
        verdict="accepted" if (malignant_accepted or benign_accepted) and not neither else "uncertain",
    )


def _agrees(card: ModelCard, triage: Triage | None, label: str) -> bool:
    """Tell whether a pattern agrees with the triage: it has no side, or the accepted one."""
    if triage is None:
        return True
    group = next(spec.triage for spec in card.classes if spec.id == label)
    return group is None or (triage.verdict == "accepted" and triage.result == group)


def _reason(card: ModelCard, triage: Triage | None, verdict: Verdict, chosen: tuple[str, ...]) -> str | None:
    names = [spec.name for spec in card.classes if spec.id in chosen]
    if triage is not None and triage.verdict == "uncertain":
        return NO_SIDE
    if verdict == "accepted":
        return None
    if len(names) > 1:
        return f"More than one pattern is possible: {alternatives(names)}."
    if names:
        return f"The pattern ({names[0]}) and the triage do not agree."
    return "No pattern reaches the probability that the model asks for."
