"""Folds of whole groups, as positions: what a head is examined on, and what a check tries its shortcuts on."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.data.labels import DataError

FOLDS = 5
LEAST_IMAGES = 10
"""Of a class: with fewer, five folds leave nothing to learn from, and no number means anything."""

Positions = NDArray[np.int64]
Parts = list[tuple[Positions, Positions]]


def grouped_parts(labels: Positions, groups: Sequence[str], folds: int = FOLDS) -> Parts:
    """Deal groups to folds, every class as evenly as they allow: positions to learn from and to ask about.

    Raises
    ------
    DataError
        Some class cannot be on both sides; says which.
    """
    from sklearn.model_selection import StratifiedGroupKFold  # takes seconds, and no --help waits for it

    names = np.unique(np.asarray(groups), return_inverse=True)[1]
    per_class = min(len(np.unique(names[labels == label])) for label in np.unique(labels))
    if per_class < 2:
        raise DataError("a class lies in one group whole: add images of another patient, slide or specimen")
    splitter = StratifiedGroupKFold(min(folds, per_class), shuffle=True, random_state=0)
    parts = [
        (np.asarray(train), np.asarray(test))
        for train, test in splitter.split(np.zeros(len(labels)), labels, names)
        if len(test)
    ]
    for train, _ in parts:
        if missing := set(np.unique(labels).tolist()) - set(np.unique(labels[train]).tolist()):
            raise DataError(f"class number {min(missing) + 1} has too few groups to be left out: add images of others")
    return parts
