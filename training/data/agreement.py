"""How far reviewers agree: a majority for each image, and a kappa for all."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Votes = Mapping[str, Mapping[str, str]]
"""By image, each reviewer's label."""


@dataclass(frozen=True)
class Kappa:
    """Agreement beyond chance, 1 for all: of two reviewers Cohen's, of more Fleiss'.

    Attributes
    ----------
    name : str
        ``Cohen's kappa`` or ``Fleiss' kappa``.
    value : float
    images : int
        Which every counted reviewer labelled.
    """

    name: str
    value: float
    images: int


def majority(votes: Mapping[str, str]) -> str | None:
    """Give the label of more than half of the reviewers, None where there is none."""
    (label, count), *_ = Counter(votes.values()).most_common()
    return label if 2 * count > len(votes) else None


def kappa(votes: Votes) -> Kappa | None:
    """Measure agreement on images that several reviewers labelled; None where nothing can be told.

    Cohen, Educ. Psychol. Meas. 20, 1960; Fleiss, Psychol. Bull. 76, 1971, on the images with as many labels as most
    shared images have.
    """
    from sklearn.metrics import cohen_kappa_score  # takes seconds, and no --help waits for it

    shared = [image_votes for image_votes in votes.values() if len(image_votes) > 1]
    if not shared:
        return None
    reviewers = {reviewer for image_votes in shared for reviewer in image_votes}
    labels = sorted({label for image_votes in shared for label in image_votes.values()})
    if len(labels) < 2:
        return Kappa("agreement, of one class alone", 1.0, len(shared))
    if len(reviewers) == 2:
        first, second = sorted(reviewers)
        value = cohen_kappa_score(
            [image_votes[first] for image_votes in shared],
            [image_votes[second] for image_votes in shared],
            labels=labels,
        )
        return Kappa("Cohen's kappa", round(float(value), 4), len(shared))
    raters = Counter(len(image_votes) for image_votes in shared).most_common(1)[0][0]
    rows = [image_votes for image_votes in shared if len(image_votes) == raters]
    counts = np.array([[list(image_votes.values()).count(label) for label in labels] for image_votes in rows])
    return Kappa("Fleiss' kappa", round(fleiss(counts), 4), len(rows))


def fleiss(counts: NDArray[np.int64]) -> float:
    """Compute Fleiss' kappa of counts by image and label, int64[n, labels], each row of the same sum."""
    raters = counts[0].sum()
    agreed = float(((counts**2).sum(1) - raters).mean() / (raters * (raters - 1)))
    chance = float(((counts.sum(0) / counts.sum()) ** 2).sum())
    return 1.0 if chance == 1.0 else (agreed - chance) / (1 - chance)
