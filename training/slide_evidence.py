"""How far inferred slides can be trusted: evidence that the inference by look did not use, and its stability.

Fields that share cells (the manifest's duplicate groups) are on one slide for certain. Step 4 of the inference links
them; here the slides before that step are held against them.
"""

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from training.data.manifest import Record
from training.data.slide_features import Appearance
from training.data.slides import Inferred, Parameters, infer_slides

FAR = 9  # acquisition numbers; nearer pairs would be together in almost any cutting
CUTS = (25.0, 30.0, 35.0)
LOOKS = (6.0, 7.0, 8.0)


@dataclass(frozen=True)
class Evidence:
    """What speaks for a set of inferred slides.

    Attributes
    ----------
    pairs, together
        Pairs of fields that share cells, and the share of them that the look alone puts on one slide.
    far_pairs, far_together, far_by_chance
        The same for pairs with distant numbers, and the share expected of pairs of the same label drawn at random.
    agreement
        Adjusted Rand index with the slides found by other parameters, by (cut, same_look): 1 is the same, 0 chance.
    """

    pairs: int
    together: float
    far_pairs: int
    far_together: float
    far_by_chance: float
    agreement: dict[tuple[float, float], float]


def weigh(records: Sequence[Record], appearances: Sequence[Appearance], inferred: Inferred) -> Evidence:
    """Hold inferred slides against the pairs of fields that share cells, and against other parameters.

    Parameters
    ----------
    records, appearances
        What the slides were inferred from.
    inferred
        The slides.

    Returns
    -------
    Evidence
        Shares are NaN where there are no pairs.
    """
    groups: dict[str, list[int]] = {}
    for k, record in enumerate(records):
        if record.duplicate_group:
            groups.setdefault(record.duplicate_group, []).append(k)
    pairs = [pair for members in groups.values() for pair in itertools.combinations(members, 2)]
    far = [(a, b) for a, b in pairs if abs((records[a].acquisition or 0) - (records[b].acquisition or 0)) > FAR]
    chance = _chance(records, inferred.by_look)
    agreement = {
        (cut, look): float(
            adjusted_rand_score(
                inferred.slides, infer_slides(records, appearances, Parameters(cut=cut, same_look=look)).slides
            )
        )
        for cut in CUTS
        for look in LOOKS
        if Parameters(cut=cut, same_look=look) != Parameters()
    }
    return Evidence(
        pairs=len(pairs),
        together=_together(pairs, inferred.by_look),
        far_pairs=len(far),
        far_together=_together(far, inferred.by_look),
        far_by_chance=float(np.mean([chance[records[a].label] for a, _ in far])) if far else float("nan"),
        agreement=agreement,
    )


def _together(pairs: Sequence[tuple[int, int]], slides: NDArray[np.int64]) -> float:
    return float(np.mean([slides[a] == slides[b] for a, b in pairs])) if pairs else float("nan")


def _chance(records: Sequence[Record], slides: NDArray[np.int64]) -> dict[str, float]:
    """Give, for each label, the share of pairs of its images that are on one slide."""
    chance = {}
    for label in {record.label for record in records}:
        sizes = np.array(list(Counter(int(slides[k]) for k, one in enumerate(records) if one.label == label).values()))
        total = sizes.sum()
        chance[label] = float((sizes * (sizes - 1)).sum() / max(total * (total - 1), 1))
    return chance
