"""What more images would bring: heads learnt from a quarter, a half and all groups, and an extrapolation.

The balanced error falls with the number of images n about as a * n^-b (Cortes et al., "Learning Curves: Asymptotic
Values and Rate of Convergence", NIPS 1993); it is fitted to the three points and read off further on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.models.discriminant import fit_discriminants

SHARES = (0.25, 0.5, 1.0)
MORE = (25, 50, 100)
LEAST_ERROR = 0.002
"""Where nothing is wrong there is no logarithm."""

Positions = NDArray[np.int64]


@dataclass(frozen=True)
class LearningCurve:
    """Balanced accuracy on groups left out.

    Attributes
    ----------
    measured : dict of int to float
        By the mean number of images that were learnt from.
    expected : dict of int to float
        By how many images more than there are; an extrapolation.
    """

    measured: dict[int, float]
    expected: dict[int, float]


def learning_curve(
    embeddings: NDArray[np.float32],
    labels: Positions,
    groups: Sequence[str],
    parts: Sequence[tuple[Positions, Positions]],
    shrinkage: float,
) -> LearningCurve:
    """Measure on the parts of an examination, with some of the groups that each may learn from.

    Parameters
    ----------
    embeddings : float32[n, d]
        Of the images as they came.
    labels : int64[n]
        Their classes.
    groups : sequence of str
        Theirs.
    parts : sequence of (int64[...], int64[...])
        Positions to learn from and to ask about.
    shrinkage : float
        Of the heads.
    """
    random, names = np.random.default_rng(0), np.asarray(groups)
    measured: dict[int, float] = {}
    for share in SHARES:
        truth, answers, sizes = [], [], []
        for train, left_out in parts:
            sample = _sample_groups(train, labels, names, share, random)
            (head,) = fit_discriminants(
                embeddings[None, sample], embeddings[None][:0], labels[sample], (shrinkage,), 0.0
            )
            truth.append(labels[left_out])
            answers.append(head.logits(embeddings[left_out]).argmax(1))
            sizes.append(len(sample))
        right = np.concatenate(truth) == np.concatenate(answers)
        true_labels = np.concatenate(truth)
        score = np.mean([right[true_labels == label].mean() for label in np.unique(true_labels)])
        measured[round(float(np.mean(sizes)))] = round(float(score), 4)
    return LearningCurve(measured, _extrapolate(measured))


def _sample_groups(
    train: Positions, labels: Positions, names: NDArray[np.str_], share: float, random: np.random.Generator
) -> Positions:
    """Take a share of the groups, with at least one group that holds each class."""
    order = random.permutation(np.unique(names[train]))
    chosen = set(order[: max(1, round(share * len(order)))].tolist())
    for label in np.unique(labels[train]):
        holding = set(names[train][labels[train] == label].tolist())
        if not chosen & holding:
            chosen.add(next(name for name in order.tolist() if name in holding))
    return train[np.isin(names[train], sorted(chosen))]


def _extrapolate(measured: dict[int, float]) -> dict[int, float]:
    sizes = np.array(list(measured), float)
    errors = np.maximum(1 - np.array(list(measured.values())), LEAST_ERROR)
    if len(sizes) < 2:
        return {}
    slope = np.polyfit(np.log(sizes), np.log(errors), 1)[0]
    slope, last, now = min(slope, 0.0), sizes[-1], errors[-1]
    return {more: round(float(1 - now * ((last + more) / last) ** slope), 4) for more in MORE}
