"""A head for a laboratory's own classes on a frozen network, and what it is worth on groups that it never saw.

Everything is read off embeddings that were computed once. Groups (patients, slides) are dealt to folds; each fold is
answered by a head that learnt from the others, with a setting that was chosen among these others alone. Calibration,
prediction sets, triage and the threshold of the OOD score are set on these answers, and the final head learns from all
(Vovk, "Cross-conformal predictors", Ann. Math. Artif. Intell. 74, 2015). So the measured probabilities are honest but
for some ten numbers that were set on all the answers at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

from inference import ClassSpec
from training.data.classes import labels_of
from training.data.group_folds import grouped_parts
from training.data.labels import DataError
from training.models import calibration
from training.models.discriminant import fit_discriminants
from training.models.features import Features
from training.models.gate import fit_gate
from training.models.levels import sides_of
from training.models.linear_probe import LinearHead
from training.models.out_of_distribution import Mahalanobis
from training.models.readings import Reading
from training.models.slide_calibration import (
    TriageNumbers,
    minimum_probabilities,
    slide_weights,
    temperature,
    triage_numbers,
)
from training.models.slide_learner import FieldReadings, OodSum, SlideNumbers, fit_distance
from training.progress import bar

INNER_FOLDS = 3
SHRINKAGES = (0.1, 0.2, 0.4, 0.6, 0.8, 0.9)
"""That are tried: the fewer images, the more."""
COPY_WEIGHT, OOD_COPY_WEIGHT = 0.1, 0.1
"""Of a varied copy, where an image weighs 1."""
LARGE_GROUP = 20
"""Images from which on a group's own quantile says something; smaller groups are calibrated fold by fold."""

Floats = NDArray[np.float32]
Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Answers:
    """What heads answered on groups that they had not learnt from.

    Attributes
    ----------
    probabilities : float32[n, classes]
        Calibrated.
    ood_score : float64[n]
    folds : int64[n]
        Which fold asked about the image.
    """

    probabilities: Floats
    ood_score: NDArray[np.float64]
    folds: Positions


@dataclass(frozen=True)
class Setting:
    """What is chosen on groups left out.

    Attributes
    ----------
    shrinkage : float
        Of the covariance.
    width : int
        How many statistics the head reads, from the first on: those of one way of pooling or of more.
    """

    shrinkage: float
    width: int


@dataclass(frozen=True)
class Adapted:
    """All that was fitted, on embeddings as they were given, and what it answered across groups."""

    head: LinearHead
    temperature: float
    distance: Mahalanobis
    readings: FieldReadings
    numbers: SlideNumbers
    setting: Setting
    answers: Answers


@dataclass(frozen=True)
class _Fitted:
    head: LinearHead
    distance: Mahalanobis
    gate: Reading


def adapt_head(
    features: Features,
    labels: Positions,
    groups: Sequence[str],
    colours: int,
    classes: Sequence[ClassSpec],
    widths: Sequence[int],
) -> Adapted:
    """Fit a head, and examine it on groups left out.

    Parameters
    ----------
    features : Features
        Of the images; strangers as well, or none, of whom ``widths[0]`` statistics are known.
    labels : int64[n]
        Index into ``classes``.
    groups : sequence of str
        Of each image.
    colours : int
        How many statistics come first, of the view in colour.
    classes : sequence of ClassSpec
        Two or more.
    widths : sequence of int
        Of how many statistics a head may be made.

    Raises
    ------
    DataError
        The groups are too few.
    """
    sides, names = sides_of(classes), np.asarray(groups)
    parts = grouped_parts(labels, groups)
    logits = np.empty((len(labels), len(classes)), np.float32)
    distances, gates, folds = np.empty(len(labels)), np.empty(len(labels)), np.empty(len(labels), np.int64)
    for number, (learnt, left_out) in enumerate(bar(parts, "Groups left out", len(parts), unit="fold")):
        training_features = features.take(learnt)
        setting = choose(training_features.embeddings, labels[learnt], names[learnt].tolist(), widths)
        fitted = _fit(training_features, labels[learnt], colours, setting, widths[0])
        test_embeddings = features.embeddings[left_out, : setting.width]
        standard = fitted.head.standardise(test_embeddings)
        logits[left_out], folds[left_out] = fitted.head.logits(test_embeddings), number
        distances[left_out], gates[left_out] = fitted.distance.score(standard), fitted.gate.of(standard)
    setting = choose(features.embeddings, labels, groups, widths)
    final = _fit(features, labels, colours, setting, widths[0])
    units = calibration_units(groups, folds)
    fitted_temperature = temperature(logits, labels, units, np.arange(len(classes)))
    probabilities = softmax(logits / fitted_temperature, 1).astype(np.float32)
    ood = OodSum.of(final.gate, distances, gates, slide_weights(units))
    triage = triage_of(probabilities, labels, sides, units)
    return Adapted(
        final.head,
        fitted_temperature,
        final.distance,
        FieldReadings(None, ood.gate, ood.distance_share, None, sides),
        SlideNumbers(
            triage,
            minimum_probabilities(probabilities, labels, units, labels_of(classes)),
            ood.threshold,
            None,
            {name: round(float((ood.score[names == name] > ood.threshold).mean()), 4) for name in np.unique(names)},
        ),
        setting,
        Answers(probabilities, ood.score, folds),
    )


def triage_of(probabilities: Floats, labels: Positions, sides: Floats, units: Sequence[str]) -> TriageNumbers | None:
    """Calibrate the sum of the malignant probabilities, on images of either side; None without both sides."""
    if not {1.0, -1.0} <= set(sides.tolist()):
        return None
    has_side = sides[labels] != 0
    malignant = np.clip(probabilities[has_side][:, sides > 0].sum(1).astype(np.float64), 1e-7, 1 - 1e-7)
    logits = np.log(malignant) - np.log1p(-malignant)
    return triage_numbers(logits, sides[labels[has_side]] > 0, np.asarray(units)[has_side].tolist())


def choose(embeddings: Floats, labels: Positions, groups: Sequence[str], widths: Sequence[int]) -> Setting:
    """Choose the setting of least loss on groups left out, classes weighing alike, each at its best temperature.

    Parameters
    ----------
    embeddings : float32[n, d]
        Of images as they came.
    labels, groups
        Theirs.
    widths : sequence of int
        As of ``adapt_head``; where groups are too few to leave some out, all statistics are read.
    """
    try:
        parts = grouped_parts(labels, groups, INNER_FOLDS)
    except DataError:
        return Setting(SHRINKAGES[len(SHRINKAGES) // 2], widths[-1])
    losses = {}
    for width in widths:
        logits = np.empty((len(SHRINKAGES), len(labels), labels.max() + 1), np.float32)
        for learnt, left_out in parts:
            training_embeddings = embeddings[None, learnt, :width]
            heads = fit_discriminants(training_embeddings, training_embeddings[:0], labels[learnt], SHRINKAGES, 0.0)
            for row, head in enumerate(heads):
                logits[row, left_out] = head.logits(embeddings[left_out, :width])
        for shrinkage, shrunk_logits in zip(SHRINKAGES, logits, strict=True):
            log_probabilities = log_softmax(shrunk_logits / calibration.temperature(shrunk_logits, labels), 1)
            log_likelihood = log_probabilities[np.arange(len(labels)), labels]
            loss = -float(np.mean([log_likelihood[labels == label].mean() for label in np.unique(labels)]))
            losses[Setting(shrinkage, width)] = loss
    return min(losses, key=losses.__getitem__)


def calibration_units(groups: Sequence[str], folds: Positions) -> list[str]:
    """Name what calibration weighs alike: a large group, or all small ones of a fold together."""
    names, group_of, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    return [
        str(names[group]) if sizes[group] >= LARGE_GROUP else f"part {folds[image] + 1}"
        for image, group in enumerate(group_of)
    ]


def _fit(features: Features, labels: Positions, colours: int, setting: Setting, known_width: int) -> _Fitted:
    """Fit a head on all its statistics, and a gate on those first ones that are known of strangers."""
    own = features.first(setting.width)
    (head,) = fit_discriminants(own.turned, own.varied, labels, (setting.shrinkage,), COPY_WEIGHT)
    distance = fit_distance(own, head, labels, colours, OOD_COPY_WEIGHT)
    unknown_part = np.zeros(setting.width - known_width, np.float32)
    if not features.strangers:
        return _Fitted(head, distance, Reading(np.zeros(setting.width, np.float32), 0.0))
    gate = fit_gate(features.first(known_width), head.first(known_width))
    return _Fitted(head, distance, Reading(np.concatenate([gate.kernel, unknown_part]), gate.bias, gate.widest))
