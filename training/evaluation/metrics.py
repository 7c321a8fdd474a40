"""Computes every number of the reports from probabilities and true labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference import ClassSpec, ModelCard
from training.data.classes import labels_of
from training.evaluation.predictions import Measured
from training.evaluation.results import rounded

BINS = 15
"""Of equal width, as in Guo et al., "On Calibration of Modern Neural Networks", ICML 2017."""
LEAST_SPECIFICITY = 0.97
CURVE_POINTS = 60


@dataclass(frozen=True)
class Predictions:
    """Predictions for labelled fields, fold after fold.

    Attributes
    ----------
    labels : int64[n]
        Index into ``classes``.
    folds : int64[n]
        Number of the fold that tested the field, from 0.
    probabilities : float64[n, classes]
        Adding up to 1.
    known, accepted : bool[n]
        Not out of distribution; and, besides, with exactly one label in the prediction set, of the side that triage
        accepts.
    covered : bool[n]
        The true label is in the prediction set.
    malignancy : float64[n]
        Calibrated probability of malignant.
    triaged, called : bool[n]
        Triage is accepted; it says malignant.
    classes : tuple of ClassSpec
        Of the models that answered.
    """

    labels: NDArray[np.int64]
    folds: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    known: NDArray[np.bool_]
    accepted: NDArray[np.bool_]
    covered: NDArray[np.bool_]
    malignancy: NDArray[np.float64]
    triaged: NDArray[np.bool_]
    called: NDArray[np.bool_]
    classes: tuple[ClassSpec, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, positions: NDArray[np.int64]) -> "Predictions":
        """Take some fields, by position, as often as they are named."""
        return Predictions(
            self.labels[positions],
            self.folds[positions],
            self.probabilities[positions],
            self.known[positions],
            self.accepted[positions],
            self.covered[positions],
            self.malignancy[positions],
            self.triaged[positions],
            self.called[positions],
            self.classes,
        )

    @property
    def predicted(self) -> NDArray[np.int64]:
        """int64[n], the most probable label."""
        best: NDArray[np.int64] = self.probabilities.argmax(1)
        return best

    @property
    def confusion(self) -> NDArray[np.int64]:
        """int64[classes, classes], true label by row."""
        return confusion(self.labels, self.predicted, len(self.classes))

    @property
    def sides(self) -> NDArray[np.bool_]:
        """bool[classes], which of them are malignant."""
        return np.array([spec.triage == "malignant" for spec in self.classes])

    @property
    def malignant(self) -> NDArray[np.bool_]:
        """bool[n], by the true label."""
        truth: NDArray[np.bool_] = self.sides[self.labels]
        return truth


def pool(answers: Sequence[tuple[NDArray[np.int64], Measured, ModelCard]]) -> Predictions:
    """Put the answers of several folds together, each read by its own card's thresholds.

    Parameters
    ----------
    answers
        True labels (int64[n]), answers and card of each fold.
    """
    parts: list[tuple[Any, ...]] = []
    for fold, (labels, measured, card) in enumerate(answers):
        probabilities = measured.probabilities.astype(np.float64)
        probabilities /= probabilities.sum(1, keepdims=True)  # float32 leaves sums a hair off one
        covered = measured.probabilities[np.arange(len(labels)), labels] >= card.minimum_probabilities[labels]
        numbers = np.full(len(labels), fold)
        verdicts = (measured.known(card), measured.accepted(card), covered)
        parts.append((labels, numbers, probabilities, *verdicts, measured.malignant(card), *measured.triaged(card)))
    classes = answers[0][2].classes
    columns: list[Any] = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return Predictions(*[*columns, classes])


def confusion(labels: NDArray[np.int64], predicted: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Count, true label by row: int64[size, size]."""
    counts: NDArray[np.int64] = np.bincount(labels * size + predicted, minlength=size * size).reshape(size, size)
    return counts


def balanced_accuracy(counts: NDArray[np.int64]) -> float:
    """Average the sensitivity over the labels that are tested."""
    tested = counts.sum(1) > 0
    return float((counts.diagonal()[tested] / counts.sum(1)[tested]).mean())


def fold_scores(predictions: Predictions) -> list[float]:
    """Give the balanced accuracy of each fold, over the labels that it tests."""
    positions_by_fold = [np.flatnonzero(predictions.folds == fold) for fold in np.unique(predictions.folds)]
    return [balanced_accuracy(predictions.take(positions).confusion) for positions in positions_by_fold]


def measures(predictions: Predictions) -> dict[str, float]:
    """Compute every metric, and ``sensitivity/<label>`` and ``specificity/<label>``.

    What cannot be told is left out: the accuracy of the accepted where none is, an AUROC without both sides.
    """
    counts = predictions.confusion
    right = predictions.predicted == predictions.labels
    return {
        "accuracy": float(right.mean()),
        "balanced_accuracy": balanced_accuracy(counts),
        **_macro(counts),
        **_by_label(counts, labels_of(predictions.classes)),
        **_binary(predictions),
        **_ranked(predictions),
        "expected_calibration_error": calibration_error(predictions),
        "brier": float(
            ((predictions.probabilities - np.eye(len(predictions.classes))[predictions.labels]) ** 2).sum(1).mean()
        ),
        "coverage": float(predictions.accepted.mean()),
        **({"accuracy_of_accepted": float(right[predictions.accepted].mean())} if predictions.accepted.any() else {}),
        "out_of_distribution": float(1 - predictions.known.mean()),
        "prediction_set_coverage": float(predictions.covered.mean()),
        **_triage(predictions),
        **_over_folds(predictions),
    }


def _triage(predictions: Predictions) -> dict[str, float]:
    """Compute the metrics of triage; those that no field shows are left out, and without both sides there are none."""
    if not {"malignant", "benign"} <= {spec.triage for spec in predictions.classes}:
        return {}
    malignant, sure = predictions.malignant, predictions.triaged
    right = predictions.called == malignant
    bin_index = np.minimum((predictions.malignancy * BINS).astype(int), BINS - 1)
    bin_masks = [bin_index == k for k in np.unique(bin_index)]
    gaps = [
        abs(predictions.malignancy[in_bin].mean() - malignant[in_bin].mean()) * in_bin.sum() for in_bin in bin_masks
    ]
    parts = {
        "triage_accuracy_of_accepted": sure,
        "triage_sensitivity_of_accepted": sure & malignant,
        "triage_specificity_of_accepted": sure & ~malignant,
    }
    return {
        "triage_coverage": float(sure.mean()),
        "triage_calibration_error": float(sum(gaps) / len(malignant)),
        # Coverage of each side: the page shows as dots how many of its fields are left to a person.
        **{
            f"triage_coverage_of_{side}": float(sure[mask].mean())
            for side, mask in (("malignant", malignant), ("benign", ~malignant))
            if mask.any()
        },
        **{name: float(right[mask].mean()) for name, mask in parts.items() if mask.any()},
    }


def held_out(labels: NDArray[np.int64], measured: Measured, card: ModelCard) -> dict[str, object]:
    """Measure a model on fields that it did not learn from, for its card and its run.

    Parameters
    ----------
    labels : int64[n]
        The truth.
    measured, card
        Answers of the model, and its card.

    Returns
    -------
    dict
        Counts and shares, ready for JSON; ``accuracy_95`` is Wilson's interval (Wilson, J. Am. Stat. Assoc. 22, 1927),
        which takes neighbouring fields for independent, and so is narrower than the truth. What cannot be told, as the
        accuracy of the accepted where none is, is left out.
    """
    from scipy.stats import binomtest  # takes seconds, and no --help waits for it

    predictions = pool([(labels, measured, card)])
    computed, right = measures(predictions), predictions.predicted == labels
    interval = binomtest(int(right.sum()), len(labels)).proportion_ci(method="wilson")
    card_names = {
        "accuracy": "accuracy",
        "balanced_accuracy": "balanced_accuracy",
        "malignant_sensitivity": "malignant_sensitivity",
        "malignant_specificity": "malignant_specificity",
        "coverage": "accepted",
        "accuracy_of_accepted": "accuracy_of_accepted",
        "triage_coverage": "triage_accepted",
        "triage_accuracy_of_accepted": "triage_right_of_accepted",
        "out_of_distribution": "out_of_distribution",
    }
    sensitivity = {name.partition("/")[2]: value for name, value in computed.items() if name.startswith("sensitivity/")}
    return {
        "images": len(labels),
        **{key: computed[name] for name, key in card_names.items() if name in computed},
        "accuracy_95": [float(interval.low), float(interval.high)],
        "sensitivity": sensitivity,
        "confusion": predictions.confusion.tolist(),
    }


def reliability(predictions: Predictions) -> list[tuple[float, float, int]]:
    """Give mean confidence, accuracy and count of each bin that has a field."""
    confidence = predictions.probabilities.max(1)
    right = predictions.predicted == predictions.labels
    bin_index = np.minimum((confidence * BINS).astype(int), BINS - 1)
    bin_masks = [bin_index == k for k in range(BINS)]
    return [
        (float(confidence[in_bin].mean()), float(right[in_bin].mean()), int(in_bin.sum()))
        for in_bin in bin_masks
        if in_bin.any()
    ]


def calibration_error(predictions: Predictions) -> float:
    """Give the expected calibration error of the predicted label (Naeini et al., AAAI 2015)."""
    return sum(abs(mean - share) * n for mean, share, n in reliability(predictions)) / len(predictions)


def risk_coverage(predictions: Predictions) -> list[tuple[float, float]]:
    """Give (share answered, error among these), most confident first (El-Yaniv and Wiener, JMLR 11, 2010)."""
    order = np.argsort(-predictions.probabilities.max(1), kind="stable")
    wrong = np.cumsum(predictions.predicted[order] != predictions.labels[order])
    ends = np.unique(np.linspace(1, len(order), CURVE_POINTS).round().astype(int))
    return [(float(end / len(order)), float(wrong[end - 1] / end)) for end in ends]


def roc_curves(predictions: Predictions) -> dict[str, list[tuple[float, float]]]:
    """Give (false, true positive rate) of each label against the rest, and of malignant against benign."""
    from sklearn.metrics import roc_curve  # takes seconds, and no --help waits for it

    ids = labels_of(predictions.classes)
    sides = {label: (predictions.labels == k, predictions.probabilities[:, k]) for k, label in enumerate(ids)}
    if predictions.sides.any():
        sides["malignant"] = (predictions.malignant, predictions.probabilities[:, predictions.sides].sum(1))
    curves = {}
    for name, (truth, score) in sides.items():
        if 0 < truth.sum() < len(truth):
            false, true, _ = roc_curve(truth, score)
            points = np.unique(np.linspace(0, len(false) - 1, CURVE_POINTS).round().astype(int))
            curves[name] = [(rounded(false[k]), rounded(true[k])) for k in points]
    return curves


def _macro(counts: NDArray[np.int64]) -> dict[str, float]:
    """Average over the labels that are tested; a label that is never predicted has precision 0."""
    tested = counts.sum(1) > 0
    hits = counts.diagonal()[tested]
    precision = hits / np.maximum(counts.sum(0)[tested], 1)
    recall = hits / counts.sum(1)[tested]
    f1 = 2 * hits / (counts.sum(0)[tested] + counts.sum(1)[tested])
    return {
        "macro_precision": float(precision.mean()),
        "macro_recall": float(recall.mean()),
        "macro_f1": float(f1.mean()),
    }


def _by_label(counts: NDArray[np.int64], ids: Sequence[str]) -> dict[str, float]:
    rates: dict[str, float] = {}
    for k, label in enumerate(ids):
        positives, total = counts[k].sum(), counts.sum()
        if positives:
            rates[f"sensitivity/{label}"] = float(counts[k, k] / positives)
        if total > positives:
            rates[f"specificity/{label}"] = float(1 - (counts[:, k].sum() - counts[k, k]) / (total - positives))
    return rates


def _binary(predictions: Predictions) -> dict[str, float]:
    """Tell malignant from benign by the most probable label, and at the best threshold of a given specificity."""
    malignant, called = predictions.malignant, predictions.sides[predictions.predicted]
    if malignant.all() or not malignant.any():
        return {}
    score = predictions.probabilities[:, predictions.sides].sum(1)
    benign = np.sort(score[~malignant])[::-1]
    threshold = benign[int((1 - LEAST_SPECIFICITY) * len(benign))]
    return {
        "malignant_sensitivity": float(called[malignant].mean()),
        "malignant_specificity": float(1 - called[~malignant].mean()),
        "malignant_sensitivity_at_specificity": float((score[malignant] > threshold).mean()),
        "malignant_auroc": float(_auroc(malignant[:, None], score[:, None])[0]),
    }


def _ranked(predictions: Predictions) -> dict[str, float]:
    if len(np.unique(predictions.labels)) < len(predictions.classes):
        return {}
    truth = predictions.labels[:, None] == np.arange(len(predictions.classes))
    return {"auroc": float(_auroc(truth, predictions.probabilities).mean())}


def _auroc(truth: NDArray[np.bool_], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the area under each column's ROC curve as Mann and Whitney's U: bool and float64[n, k] to float64[k].

    Equal to scikit-learn's, of which thousands, one a bootstrap replicate, would take minutes.
    """
    from scipy.stats import rankdata  # takes seconds, and no --help waits for it

    positives = truth.sum(0)
    ranks = np.where(truth, rankdata(scores, axis=0), 0.0).sum(0)
    area: NDArray[np.float64] = (ranks - positives * (positives + 1) / 2) / (positives * (len(truth) - positives))
    return area


def _over_folds(predictions: Predictions) -> dict[str, float]:
    """Give the folds' mean and worst score, if every fold tests every label."""
    pairs = np.unique(np.column_stack([predictions.folds, predictions.labels]), axis=0)
    if len(pairs) < len(predictions.classes) * len(np.unique(predictions.folds)):
        return {}
    scores = fold_scores(predictions)
    return {"mean_fold_balanced_accuracy": float(np.mean(scores)), "worst_fold_balanced_accuracy": min(scores)}
