"""Measures a model file through ``inference``, the very code that serves it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix

from inference import Classifier, ModelCard
from training.data.labels import LABELS
from training.progress import bar


@dataclass(frozen=True)
class Measured:
    """What a file answered on labelled fields.

    Attributes
    ----------
    probabilities : float32[n, 4]
    scores : float32[n]
        Out-of-distribution scores.
    """

    probabilities: NDArray[np.float32]
    scores: NDArray[np.float32]

    def known(self, card: ModelCard) -> NDArray[np.bool_]:
        """Tell which fields the card's threshold lets pass: bool[n]."""
        return self.scores <= card.out_of_distribution.threshold

    def accepted(self, card: ModelCard) -> NDArray[np.bool_]:
        """Tell which fields are known and have exactly one label in their prediction set: bool[n]."""
        single: NDArray[np.bool_] = (self.probabilities >= card.minimum_probabilities).sum(1) == 1
        return self.known(card) & single


def run(file: Classifier, images: NDArray[np.uint8], title: str) -> Measured:
    """Answer for each image: uint8[n, 224, 224, 3]."""
    outputs = [file.run(image) for image in bar(images, title, len(images), unit="image")]
    return Measured(
        np.stack([o.probabilities for o in outputs]),
        np.array([o.out_of_distribution_score for o in outputs], np.float32),
    )


def evaluate(measured: Measured, labels: NDArray[np.int64], card: ModelCard) -> dict[str, object]:
    """Compare answers with the truth of fields that were not trained on.

    Parameters
    ----------
    measured : Measured
        Of ``run``.
    labels : int64[n]
        The truth.
    card : ModelCard
        Of the file that answered.

    Returns
    -------
    dict
        Counts and shares, ready for JSON; ``accuracy_95`` is Wilson's interval (Wilson, J. Am. Stat. Assoc. 22, 1927),
        which takes neighbouring fields for independent, and so is narrower than the truth.
    """
    predicted = measured.probabilities.argmax(1)
    correct = predicted == labels
    malignant = _malignant(labels, card)
    called_malignant = _malignant(predicted, card)
    known, accepted = measured.known(card), measured.accepted(card)
    interval = binomtest(int(correct.sum()), len(labels)).proportion_ci(method="wilson")
    confusion = confusion_matrix(labels, predicted, labels=range(len(LABELS)))
    return {
        "images": len(labels),
        "accuracy": float(accuracy_score(labels, predicted)),
        "accuracy_95": [float(interval.low), float(interval.high)],
        "balanced_accuracy": float(balanced_accuracy_score(labels, predicted)),
        "sensitivity": {label: _share(correct[labels == k]) for k, label in enumerate(LABELS)},
        "malignant_sensitivity": _share(called_malignant[malignant]),
        "malignant_specificity": _share(~called_malignant[~malignant]),
        "confusion": confusion.tolist(),
        "accepted": _share(accepted),
        "accuracy_of_accepted": _share(correct[accepted]),
        "out_of_distribution": _share(~known),
    }


def strangers(file: Classifier, images: NDArray[np.uint8], title: str) -> dict[str, object]:
    """Count what a file makes of pictures of no class that it knows."""
    measured, card = run(file, images, title), file.card
    accepted = measured.accepted(card)
    malignant = _malignant(measured.probabilities.argmax(1), card)
    return {
        "images": len(images),
        "out_of_distribution": _share(~measured.known(card)),
        "accepted": _share(accepted),
        "accepted_as_malignant": _share(accepted & malignant),
    }


def _malignant(labels: NDArray[np.int64], card: ModelCard) -> NDArray[np.bool_]:
    return np.isin(labels, [LABELS.index(label) for label in card.malignant_labels])


def _share(which: NDArray[np.bool_]) -> float:
    return float(which.mean()) if len(which) else 0.0
