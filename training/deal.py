"""Deals whole groups of images to folds, every label as evenly as the groups allow.

The folds are those of scikit-learn's ``StratifiedGroupKFold``, bit for bit, so that folds which were published stay
what they were. Its loop builds half a dozen small arrays for every fold that a group might go to, 0.2 ms a group, and
so three minutes for a million images; here only the labels that the group holds are weighed again, in plain floats.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

_RELATIVE, _ABSOLUTE = 1e-5, 1e-8  # numpy.isclose's


def deal(
    labels: NDArray[np.str_], groups: NDArray[np.int64], folds: int, shuffle: np.random.RandomState | None
) -> NDArray[np.int64]:
    """Give each image the number of the fold that tests it.

    Parameters
    ----------
    labels
        str[n].
    groups
        int64[n]; images of one group go to one fold.
    folds
        How many.
    shuffle
        Deals groups of the same make-up in another order; None keeps that of their numbers.

    Returns
    -------
    int64[n]
        0 to folds - 1.
    """
    names, label, of_label = np.unique(labels, return_inverse=True, return_counts=True)
    _, group = np.unique(groups, return_inverse=True)
    count = int(group.max()) + 1
    held = np.bincount(group * len(names) + label, minlength=count * len(names)).reshape(count, len(names))
    order = np.arange(count)
    if shuffle is not None:
        shuffle.shuffle(order)
    # The most uneven groups first, while there is still room to balance them.
    order = order[np.argsort(-np.std(held[order].astype(np.float64), axis=1), kind="stable")]
    table = _Table(folds, of_label.tolist())
    home = np.empty(count, np.int64)
    for number, counts in zip(order.tolist(), held[order].tolist(), strict=True):
        home[number] = table.place(counts)
    return home[group]


@dataclass
class _Table:
    """What lies in each fold so far, and how uneven that is."""

    folds: int
    of_label: Sequence[int]
    counts: list[list[int]] = field(init=False)
    shares: list[list[float]] = field(init=False)
    spreads: list[float] = field(init=False)
    sizes: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.counts = [[0] * self.folds for _ in self.of_label]
        self.shares = [[0.0] * self.folds for _ in self.of_label]
        self.spreads = [0.0] * len(self.of_label)
        self.sizes = [0] * self.folds

    def place(self, group: Sequence[int]) -> int:
        """Put a group, given by its images of each label, where the labels become most even; gives the fold."""
        held = [label for label, count in enumerate(group) if count]
        best, least, fewest = 0, math.inf, math.inf
        for fold in range(self.folds):
            uneven = self._unevenness(group, held, fold)
            size = self.sizes[fold]
            close = abs(uneven - least) <= _ABSOLUTE + _RELATIVE * least < math.inf
            if uneven < least or (close and size < fewest):
                best, least, fewest = fold, uneven, size
        for label in held:
            self.counts[label][best] += group[label]
            self.shares[label][best] = self.counts[label][best] / self.of_label[label]
            self.spreads[label] = _spread(self.shares[label])
        self.sizes[best] += sum(group)
        return best

    def _unevenness(self, group: Sequence[int], held: Sequence[int], fold: int) -> float:
        spreads = self.spreads.copy()
        for label in held:
            shares = self.shares[label].copy()
            shares[fold] = (self.counts[label][fold] + group[label]) / self.of_label[label]
            spreads[label] = _spread(shares)
        return _total(spreads) / len(spreads)


def _spread(shares: Sequence[float]) -> float:
    """Give the standard deviation, in numpy's order of additions."""
    mean = _total(shares) / len(shares)
    squares = 0.0
    for share in shares:
        squares += (share - mean) * (share - mean)
    return math.sqrt(squares / len(shares))


def _total(values: Sequence[float]) -> float:
    total = 0.0
    for value in values:  # from Python 3.12 on, sum() compensates for rounding, and numpy does not
        total += value
    return total
