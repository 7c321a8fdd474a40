"""Measures a model file through ``inference``, the very code that serves it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference import Classifier, ModelCard
from inference.decision import triage_probability
from training.progress import bar


@dataclass(frozen=True)
class Measured:
    """The answers of a model file on labelled fields.

    Attributes
    ----------
    probabilities : float32[n, classes]
    scores : float32[n]
        Out-of-distribution scores.
    doublings : float32[n], optional
        log2 of the magnification, of a file that estimates it.
    """

    probabilities: NDArray[np.float32]
    scores: NDArray[np.float32]
    doublings: NDArray[np.float32] | None = None

    def known(self, card: ModelCard) -> NDArray[np.bool_]:
        """Tell which fields the card's threshold and magnifications let pass: bool[n]."""
        passed: NDArray[np.bool_] = self.scores <= card.out_of_distribution.threshold
        if card.scale is not None and self.doublings is not None:
            magnifications = 2.0**self.doublings
            passed &= (magnifications >= card.scale.minimum) & (magnifications <= card.scale.maximum)
        return passed

    def malignant(self, card: ModelCard) -> NDArray[np.float64]:
        """Give the calibrated probability of malignant, as the API gives it: float64[n]."""
        is_malignant = np.isin(card.labels, card.malignant_labels)
        rule = card.triage_rule
        total = self.probabilities[:, is_malignant].sum(1)
        return total.astype(np.float64) if rule is None else triage_probability(rule, total)

    def triaged(self, card: ModelCard) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Tell which fields' triage is accepted, and which are called malignant: bool[n] each."""
        rule, probability = card.triage_rule, self.malignant(card)
        if rule is None:
            return np.zeros(len(probability), bool), probability >= 0.5
        above, below = probability >= rule.malignant_minimum, probability <= rule.benign_maximum
        return self.known(card) & (above | below), above | ((probability >= 0.5) & ~below)

    def accepted(self, card: ModelCard) -> NDArray[np.bool_]:
        """Tell which patterns are accepted: known, one label in the set, and of the side that triage accepts."""
        in_set = self.probabilities >= card.minimum_probabilities
        sure, called = self.triaged(card)
        side = np.isin(card.labels, card.malignant_labels)[in_set.argmax(1)]
        agrees = sure & (side == called) if card.triage_rule else self.known(card)
        single: NDArray[np.bool_] = in_set.sum(1) == 1
        return single & agrees


def run(file: Classifier, images: NDArray[np.uint8], title: str, *, shown: bool = True) -> Measured:
    """Answer for each image: uint8[n, 224, 224, 3]."""
    outputs = [file.run(image) for image in bar(images, title, len(images), shown=shown, unit="image")]
    return Measured(
        np.stack([output.probabilities for output in outputs]),
        np.array([output.out_of_distribution_score for output in outputs], np.float32),
        np.array([output.scale for output in outputs], np.float32)
        if outputs and outputs[0].scale is not None
        else None,
    )


def count_ood_set(file: Classifier, images: NDArray[np.uint8], title: str) -> dict[str, object]:
    """Count the verdicts of a model file on an OOD set."""
    measured, card = run(file, images, title), file.card
    sure, malignant = measured.triaged(card)
    return {
        "images": len(images),
        "out_of_distribution": _share(~measured.known(card)),
        "accepted": _share(sure),
        "accepted_as_malignant": _share(sure & malignant),
        "accepted_as_benign": _share(sure & ~malignant),
    }


def _share(mask: NDArray[np.bool_]) -> float:
    return float(mask.mean()) if len(mask) else 0.0
