"""How sure an answer may be on a slide that nobody has seen: whole slides are left out, and slides are weighed.

Fields of one slide are no independent samples: six hundred fields of one slide say of the next slide what one does. So
whoever answers has learnt from no field of the slide, and every slide counts alike, however many fields it has. That
is the pooled form of two-layer conformal prediction (Dunn, Wasserman and Ramdas, J. Am. Stat. Assoc. 118, 2022; Lee,
Barber and Willett, arXiv 2306.06342, 2023): its coverage holds on average over slides as their number grows. A bound
that holds for few slides is no better than one over their number plus one, and is told beside (``guarantee``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax
from sklearn.linear_model import LogisticRegression

from training.data.splits import FEW_FIELDS

Floats = NDArray[np.floating]
Positions = NDArray[np.int64]

METHOD = "Platt scaling on slides left out; thresholds by quantiles within and over slides"
REFERENCE = (
    "Platt, Advances in Large Margin Classifiers, 1999; Dunn, Wasserman and Ramdas, J. Am. Stat. Assoc. 118, 2022; "
    "Lee, Barber and Willett, arXiv 2306.06342, 2023"
)
SETS = "class-conditional LAC on slides left out, every slide weighing alike"
SETS_REFERENCE = "Sadinle, Lei and Wasserman, J. Am. Stat. Assoc. 114, 2019; " + REFERENCE.split("; ", 1)[1]
TARGET_COVERAGE = 0.98
"""Of the prediction sets, for each label, averaged over its slides. A quantile over few slides falls short on the next:
asked for 0.95, the sets of slides left out held the truth in 0.94, and asked for this in 0.99
(docs/decisions/290-each-slide-alone.md)."""
DOUBT = {1.0: 0.1, -1.0: 0.03}
"""By side, 1 is malignant: an accepted triage leaves at most this much, by the calibrated probability. To miss a
leukaemia is the worse error, so that more certainty is asked of benign (docs/evaluation.md)."""
WRONG_OF_A_SLIDE = {-1.0: 0.05, 1.0: 0.01}
"""Share of a slide's fields that may be called the other side, on every slide that was left out: of a benign slide one
in twenty, of a malignant one, which is the worse error, one in a hundred."""
LEAST_DOUBT = 0.005
"""No threshold asks for more certainty than this: a slide that is all wrong must not silence every answer."""
HIGHEST_MINIMUM = 0.5
"""A label of more than this probability is alone anyway."""
TEMPERATURES = (0.05, 50.0)


@dataclass(frozen=True)
class TriageNumbers:
    """What turns a triage logit into a verdict: probability = sigmoid(slope * logit + intercept), and two thresholds.

    Attributes
    ----------
    guarantee : str
        What may be expected of a new slide, in words.
    """

    slope: float
    intercept: float
    malignant_minimum: float
    benign_maximum: float
    guarantee: str


def slide_parts(labels: Positions, slides: Sequence[str]) -> list[tuple[Positions, Positions]] | None:
    """Leave slides out: positions to learn from and to ask about, every field asked about once.

    A label on one slide alone is cut into two halves in the fields' order, so that neighbours are on two sides at one
    place only: what is said of its slide is then said of the half that was left out.

    Returns
    -------
    list of (int64[...], int64[...]) or None
        None where a label has a single field.
    """
    names, slide_of, sizes = np.unique(np.asarray(slides), return_inverse=True, return_counts=True)
    part = np.where(sizes < FEW_FIELDS, len(names), np.arange(len(names)))[slide_of]
    for label in np.unique(labels):
        of_label = np.flatnonzero(labels == label)
        if len(of_label) < 2:
            return None
        if len(np.unique(part[of_label])) == 1:
            # Nobody would know the label: of its only slide each half is asked about by who learnt from the other.
            part[of_label[len(of_label) // 2 :]] = part.max() + 1
    parts = [(np.flatnonzero(part != number), np.flatnonzero(part == number)) for number in np.unique(part)]
    return parts if len(parts) > 1 else None


def slide_weights(slides: Sequence[str]) -> NDArray[np.float64]:
    """Weigh fields so that every slide counts alike: float64[n], sum 1."""
    _, slide_of, sizes = np.unique(np.asarray(slides), return_inverse=True, return_counts=True)
    return 1.0 / (sizes[slide_of] * len(sizes))


def quantile(values: Floats, weights: Floats, share: float) -> float:
    """Give the least value that holds at least this share of the weight at or below it."""
    order: Positions = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order]) / np.sum(weights)
    position = min(int(np.searchsorted(below, share - 1e-12)), len(values) - 1)
    return float(values[order][position])


def temperature(logits: Floats, labels: Positions, slides: Sequence[str], among: Positions) -> float:
    """Find the temperature of least negative log-likelihood among some labels, slides weighing alike.

    Parameters
    ----------
    logits : float[n, labels]
        Of fields whose slide was left out.
    labels : int64[n]
        Their truth.
    slides
        Theirs.
    among : int64[k]
        Labels of which one is known to be right, increasing: the malignant ones, or all.

    Returns
    -------
    float
        What to divide logits by; 1 where that is one label.
    """
    is_asked, columns = np.isin(labels, among), among
    if len(columns) < 2 or not is_asked.any():
        return 1.0
    chosen, truth = logits[is_asked][:, columns], np.searchsorted(columns, labels[is_asked])
    weights = slide_weights(np.asarray(slides)[is_asked].tolist())

    def loss(log_temperature: float) -> float:
        log_likelihood = log_softmax(chosen / np.exp(log_temperature), -1)[np.arange(len(truth)), truth]
        return -float(log_likelihood @ weights)

    return float(np.exp(minimize_scalar(loss, bounds=tuple(np.log(TEMPERATURES)), method="bounded").x))


def triage_numbers(logits: Floats, malignant: NDArray[np.bool_], slides: Sequence[str]) -> TriageNumbers:
    """Calibrate triage logits of fields whose slides were left out: float[n], bool[n].

    A slide of one label is on one side. A patient may have cells of both: each side's share then counts for that side.
    """
    weights, names = slide_weights(slides), np.asarray(slides)
    platt = LogisticRegression(C=1e6).fit(logits[:, None], malignant, sample_weight=weights * len(logits))
    slope, intercept = float(platt.coef_[0, 0]), float(platt.intercept_[0])
    probabilities = expit(slope * logits + intercept)
    benign_slides, malignant_slides = (
        [probabilities[on_side & (names == slide)] for slide in np.unique(names[on_side])]
        for on_side in (~malignant, malignant)
    )
    highest = [np.quantile(slide, 1 - WRONG_OF_A_SLIDE[-1.0], method="higher") for slide in benign_slides]
    lowest = [np.quantile(slide, WRONG_OF_A_SLIDE[1.0], method="lower") for slide in malignant_slides]
    benign, leukaemic = len(benign_slides), len(malignant_slides)
    return TriageNumbers(
        slope,
        intercept,
        float(np.clip(max(highest), 1 - DOUBT[1.0], 1 - LEAST_DOUBT)),
        float(np.clip(min(lowest), LEAST_DOUBT, DOUBT[-1.0])),
        f"Accepted where the probability, calibrated on {benign} benign and {leukaemic} malignant slides left "
        f"out whole, leaves at most {DOUBT[1.0]:.0%} of doubt in malignant, and {DOUBT[-1.0]:.0%} in benign. Of a new "
        f"slide of the same laboratory at most {WRONG_OF_A_SLIDE[-1.0]:.0%} of benign fields are called malignant in "
        f"{benign} of {benign + 1} cases, and at most {WRONG_OF_A_SLIDE[1.0]:.0%} of malignant ones benign "
        f"in {leukaemic} of {leukaemic + 1}, unless a threshold had to be cut off at {LEAST_DOUBT:.1%}; nothing is "
        "promised for another laboratory.",
    )


def minimum_probabilities(
    probabilities: Floats, labels: Positions, slides: Sequence[str], ids: Sequence[str]
) -> dict[str, float]:
    """Find, for each label, the probability that puts it into the prediction set.

    Parameters
    ----------
    probabilities : float[n, labels]
        Of fields whose slides were left out.
    labels : int64[n]
        Their truth.
    slides
        Theirs.
    ids : sequence of str
        Of the labels.
    """
    names, minimum = np.asarray(slides), {}
    for number, label in enumerate(ids):
        of_label = labels == number
        weights = slide_weights(names[of_label].tolist())
        minimum_of_label = quantile(probabilities[of_label, number], weights, 1 - TARGET_COVERAGE)
        minimum[label] = min(minimum_of_label, HIGHEST_MINIMUM)
    return minimum
