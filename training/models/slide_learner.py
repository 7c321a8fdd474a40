"""A linear head on features pooled by stain, with all that is read off the embedding, calibrated on slides left out.

Every slide is answered by heads, a distance, a gate and a scale that learnt from no field of it; their numbers are set
on these answers, and the final ones learn from all slides (Vovk, "Cross-conformal predictors", Ann. Math. Artif.
Intell. 74, 2015).
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from inference import ClassSpec
from training.data.classes import labels_of
from training.models import out_of_distribution
from training.models.features import Features
from training.models.gate import fit_gate, fit_magnification
from training.models.levels import have_two_levels, join, sides_of
from training.models.linear_probe import LinearHead, fit_linear_head, fit_triage, on_one_thread
from training.models.out_of_distribution import Mahalanobis
from training.models.readings import Reading
from training.models.recipes import LinearProbe
from training.models.slide_calibration import (
    TriageNumbers,
    minimum_probabilities,
    quantile,
    slide_parts,
    slide_weights,
    temperature,
    triage_numbers,
)
from training.progress import bar

OOD_RANK = 256
"""Directions with a variance of their own: some 1,700 fields determine no more."""
KNOWN_QUANTILE = 0.975
"""Of the OOD score of fields whose slide was left out, slides weighing alike: one in forty is turned away."""
MAGNIFICATION_TAIL = 0.005
"""Of the estimated magnifications of such fields, turned away on each side."""
ASKED_TURNS = (0, 3)
"""Of ``stain_pooling.TURNS``, those that heads of patterns learn from which answer for a slide left out, without varied
copies: a third of the rows and of the time. Triage learns from all, as it will be served: thresholds depend on it."""

Floats = NDArray[np.float32]
Positions = NDArray[np.int64]


@dataclass(frozen=True)
class FieldReadings:
    """What is read off an embedding besides its label.

    Attributes
    ----------
    triage : Reading, optional
        Calibrated log odds of malignant; without, the classes have no two sides, and one softmax says it all.
    ood : Reading
        Added to ``distance_share`` times the distance to what is known.
    distance_share : float
    magnification : Reading, optional
        log2 of it; 0 is the trained one.
    sides : float32[labels]
        Of ``levels.sides_of``.
    """

    triage: Reading | None
    ood: Reading
    distance_share: float
    magnification: Reading | None
    sides: Floats


@dataclass(frozen=True)
class SlideNumbers:
    """What a card says of how the readings count, and how the slides left out came off.

    Attributes
    ----------
    triage : TriageNumbers, optional
        Slope 1 and intercept 0, where they are in the reading; None where nothing is told of sides.
    minimum_probability : dict of str to float
        By label, of the prediction set.
    threshold : float
        Of the OOD score.
    magnifications : (float, float), optional
        The least and the largest that are answered; 1 is the trained one.
    left_out : dict of str to float
        By slide, the share of its fields that would be turned away.
    """

    triage: TriageNumbers | None
    minimum_probability: dict[str, float]
    threshold: float
    magnifications: tuple[float, float] | None
    left_out: dict[str, float]


@dataclass(frozen=True)
class SlideLearned:
    """All that was fitted; see ``learners.Learned``."""

    head: LinearHead
    temperature: float
    distance: Mahalanobis
    readings: FieldReadings
    numbers: SlideNumbers


@dataclass(frozen=True)
class _Fitted:
    head: LinearHead
    triage: Reading
    distance: Mahalanobis
    gate: Reading
    magnification: Reading

    def answer(self, embeddings: Floats) -> tuple[Floats, NDArray[np.float64]]:
        """Give pattern logits, float32[n, labels], and triage, distance, gate and magnification, float64[n, 4]."""
        standard = self.head.standardise(embeddings)
        triage_and_distance = (self.triage.of(standard), self.distance.score(standard).astype(np.float64))
        gate_and_magnification = (self.gate.of(standard), self.magnification.of(standard))
        return self.head.logits(embeddings), np.stack((*triage_and_distance, *gate_and_magnification), 1)


@on_one_thread
def learn_on_slides(
    features: Features,
    labels: Positions,
    slides: Sequence[str],
    colours: int,
    recipe: LinearProbe,
    classes: Sequence[ClassSpec],
) -> SlideLearned | None:
    """Fit, and calibrate on slides left out.

    Parameters
    ----------
    features : Features
        Of the fields that may be learnt from, pooled by stain.
    labels : int64[n]
        Their labels.
    slides : sequence of str
        Their slides.
    colours : int
        How many statistics come first, of the view in colour.
    recipe : LinearProbe
        How heads are fitted.
    classes : sequence of ClassSpec
        What the labels are.

    Returns
    -------
    SlideLearned or None
        None where the slides are too few to leave one out, or the classes have no two sides.
    """
    parts = slide_parts(labels, slides)
    sides = sides_of(classes)
    if parts is None or not have_two_levels(sides[np.unique(labels)]):
        return None
    names = np.asarray(slides)
    logits, scores = np.empty((len(labels), len(classes)), np.float32), np.empty((len(labels), 4))

    def ask(part: tuple[Positions, Positions]) -> None:
        learnt, left_out = part
        fitted = _fit(
            features.take(learnt), labels[learnt], names[learnt].tolist(), colours, recipe, ASKED_TURNS, sides
        )
        logits[left_out], scores[left_out] = fitted.answer(features.embeddings[left_out])

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        every_turn = tuple(range(len(features.turned)))
        final = pool.submit(_fit, features, labels, slides, colours, recipe, every_turn, sides)
        for _ in bar(pool.map(ask, parts), "Slides left out", len(parts), unit="slide"):
            pass
    return _calibrate(final.result(), logits, scores, labels, slides, classes)


def examine_gate(features: Features, learned: SlideLearned) -> dict[str, float]:
    """Tell, for each collection of strangers, what share a gate lets pass that has learnt from the others alone."""
    ood_reading = learned.readings.ood
    full_gate = fit_gate(features, learned.head)
    # The sum's reading is the gate's, times a slope, plus a constant: the same are put on a gate that saw less.
    slope = float(ood_reading.kernel @ full_gate.kernel / (full_gate.kernel @ full_gate.kernel))
    shift = ood_reading.bias - full_gate.bias * slope
    shares_passed = {}
    for name, embeddings in features.strangers.items():
        standard = learned.head.standardise(embeddings)
        gate = fit_gate(features, learned.head, without=name).scaled(slope, shift)
        ood_score = learned.readings.distance_share * learned.distance.score(standard) + gate.of(standard)
        shares_passed[name] = float((ood_score <= learned.numbers.threshold).mean())
    return shares_passed


def _fit(
    features: Features,
    labels: Positions,
    slides: Sequence[str],
    colours: int,
    recipe: LinearProbe,
    turns: tuple[int, ...],
    sides: Floats,
) -> _Fitted:
    turned = features.turned[list(turns)]
    is_final = len(turns) == len(features.turned)
    head = fit_linear_head(
        turned, features.varied if is_final else features.varied[:0], labels, features.densities, recipe
    )
    looks, copies = head.standardise(features.turned), head.standardise(features.varied)
    triage = fit_triage(looks, copies, labels, sides[labels] > 0, slides, colours, recipe)
    distance = fit_distance(features, head, labels, colours, recipe.ood_copy_weight)
    return _Fitted(head, triage, distance, fit_gate(features, head), fit_magnification(features, head))


def fit_distance(
    features: Features, head: LinearHead, labels: Positions, colours: int, copy_weight: float
) -> Mahalanobis:
    """Fit the distance to the class means on the view in colour; a varied copy weighs ``copy_weight``."""
    in_distribution = head.standardise(np.concatenate([features.embeddings, *features.varied]))[:, :colours]
    copies = len(features.varied)
    weights = np.repeat([1.0, *[copy_weight] * copies], len(labels))
    return out_of_distribution.fit(
        in_distribution, np.tile(labels, 1 + copies), _rank_for(len(labels), colours), weights
    )


@dataclass(frozen=True)
class OodSum:
    """Distance and gate, each from its median in units of the way from there to its quantile, added.

    Attributes
    ----------
    score : float64[n]
        Of the fields.
    gate : Reading
        What is added to the distance's share.
    distance_share : float
        What a distance counts.
    threshold : float
        The score's quantile.
    """

    score: NDArray[np.float64]
    gate: Reading
    distance_share: float
    threshold: float

    @classmethod
    def of(
        cls, gate: Reading, distances: NDArray[np.float64], gates: NDArray[np.float64], weights: NDArray[np.float64]
    ) -> Self:
        """Add them up; a gate that reads nothing, since it saw no stranger, counts nothing."""
        middles = [quantile(scores, weights, 0.5) for scores in (distances, gates)]
        units = [
            max(quantile(scores, weights, KNOWN_QUANTILE) - middle, 1e-6)
            for scores, middle in zip((distances, gates), middles, strict=True)
        ]
        counts = float(np.any(gate.kernel))
        score = (distances - middles[0]) / units[0] + counts * (gates - middles[1]) / units[1]
        reading = gate.scaled(counts / units[1], -middles[0] / units[0] - counts * middles[1] / units[1])
        return cls(score, reading, 1 / units[0], quantile(score, weights, KNOWN_QUANTILE))


def _rank_for(fields: int, width: int) -> int:
    """Tell how many directions so many fields of so many statistics determine."""
    return min(OOD_RANK, fields // 4, width // 2)


def _calibrate(
    final: _Fitted,
    logits: Floats,
    scores: NDArray[np.float64],
    labels: Positions,
    slides: Sequence[str],
    classes: Sequence[ClassSpec],
) -> SlideLearned:
    weights, sides = slide_weights(slides), sides_of(classes)
    triage, distance, gate, doublings = scores.T
    numbers = triage_numbers(triage, sides[labels] > 0, slides)
    fitted_temperature = temperature(logits, labels, slides, np.flatnonzero(sides > 0))
    probabilities = join(logits / fitted_temperature, numbers.slope * triage + numbers.intercept, sides)
    ood = OodSum.of(final.gate, distance, gate, weights)
    least = min(quantile(doublings, weights, MAGNIFICATION_TAIL), 0.0)
    most = max(quantile(doublings, weights, 1 - MAGNIFICATION_TAIL), 0.0)
    turned_away = (ood.score > ood.threshold) | (doublings < least) | (doublings > most)
    names = np.asarray(slides)
    return SlideLearned(
        final.head,
        fitted_temperature,
        final.distance,
        FieldReadings(
            final.triage.scaled(numbers.slope, numbers.intercept),
            ood.gate,
            ood.distance_share,
            final.magnification,
            sides,
        ),
        SlideNumbers(
            TriageNumbers(1.0, 0.0, numbers.malignant_minimum, numbers.benign_maximum, numbers.guarantee),
            minimum_probabilities(probabilities, labels, slides, labels_of(classes)),
            ood.threshold,
            (float(2.0**least), float(2.0**most)),
            {str(name): round(float(turned_away[names == name].mean()), 4) for name in np.unique(names)},
        ),
    )
