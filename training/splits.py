"""Ways of keeping images apart for testing, from the kindest to the strictest.

- ``random_folds``: stratified by label. What papers on the public set report; the other fields of each test field's
  slide are in training.
- ``contiguous_folds``: runs of acquisition numbers with an embargo, so that neighbours are not on both sides. The
  public set's numbers interleave sources and return to slides, so that slides still are (docs/slides.md).
- ``slide_folds``: whole inferred slides. The nearest to new patients.

In all of them near-duplicates (the manifest's groups) stay together: no group is on two of train, test and gap. Folds
depend on what the records are, never on their order. Each works on any part of a set, so that a training part can be
divided again into what is trained on and what is calibrated on.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from training.duplicates import components
from training.fields import DataError
from training.manifest import Record

FOLDS = 5
GAP = 0.03  # of the label's images, on each side of a test run


@dataclass(frozen=True)
class Fold:
    """One way of keeping images apart; the keys of each part, sorted.

    Attributes
    ----------
    train, test
        Disjoint.
    gap
        On neither side: too near to the test images. Train, test and gap together are all the images.
    """

    name: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    gap: tuple[str, ...] = ()


def random_folds(records: Sequence[Record], folds: int = FOLDS, seed: int = 0) -> list[Fold]:
    """Deal the images out at random, each label evenly.

    Parameters
    ----------
    records
        In any order.
    folds, seed
        How many test parts, and which shuffle.

    Returns
    -------
    list of Fold
        Every image is tested once; there is no gap.

    Raises
    ------
    DataError
        A label has fewer groups of near-duplicates than there are folds.
    """
    records = _sorted(records)
    return _grouped(records, _duplicate_groups(records), folds, "random", np.random.RandomState(seed))


def slide_folds(records: Sequence[Record], slides: Mapping[str, str], folds: int = FOLDS) -> list[Fold]:
    """Leave whole slides out, each label as evenly as its slides allow.

    Parameters
    ----------
    records
        In any order.
    slides
        The slide of every image, by key.
    folds
        How many test parts. Where a label has fewer slides than that, some parts test none of its images: score all the
        predictions together, not fold by fold.

    Returns
    -------
    list of Fold
        Every image is tested once; there is no gap.

    Raises
    ------
    DataError
        An image has no slide, or a label's slides are too few to be on both sides.
    """
    records = _sorted(records)
    unknown = [record.key for record in records if record.key not in slides]
    if unknown:
        raise DataError(f"{len(unknown)} images have no slide, such as {unknown[0]}: infer the slides of this very set")
    linked = _join(records, [slides[record.key] for record in records], _duplicate_groups(records))
    return _grouped(records, linked, folds, "slides", None)


def contiguous_folds(records: Sequence[Record], folds: int = FOLDS, gap: float = GAP) -> list[Fold]:
    """Cut each label's run of acquisition numbers into parts, with an embargo around the part that is tested.

    A group of near-duplicates whose members lie in several parts is tested whole, in the part of most of its members;
    one that reaches into an embargo is left out whole.

    Parameters
    ----------
    records
        In any order, each with an acquisition number.
    folds
        How many parts.
    gap
        Width of the embargo on each side of a test part, as a share of the label's images; rounded up.

    Returns
    -------
    list of Fold
        Every image is tested once.

    Raises
    ------
    DataError
        An image has no acquisition number, or a label has fewer images than folds.
    """
    records = _sorted(records)
    groups = _duplicate_groups(records)
    part, place, counts = _parts(records, folds)
    home = {group: _most_common(part[k] for k in members) for group, members in _members(groups).items()}
    result = []
    for fold in range(folds):
        tested = np.array([home[group] == fold for group in groups])
        embargoed = np.zeros(len(records), bool)
        for label, count in counts.items():
            here = [k for k, record in enumerate(records) if record.label == label]
            run = [place[k] for k in here if part[k] == fold]
            reach = math.ceil(gap * count)
            embargoed[[k for k in here if run[0] - reach <= place[k] <= run[-1] + reach]] = True
        near = {group for group, out in zip(groups, embargoed, strict=True) if out}
        gapped = np.array([group in near for group in groups]) & ~tested
        result.append(_fold(f"contiguous-{fold + 1}", records, tested, gapped))
    return result


def _parts(records: list[Record], folds: int) -> tuple[list[int], list[int], Counter[str]]:
    """Give each record's part, its place within its label (by number, then key), and the labels' sizes."""
    counts: Counter[str] = Counter(record.label for record in records)
    part, place = [0] * len(records), [0] * len(records)
    for label, count in counts.items():
        if count < folds:
            raise DataError(f"{count} {label} images cannot be cut into {folds} parts: use fewer folds")
        here = [k for k, record in enumerate(records) if record.label == label]
        unnumbered = [records[k].key for k in here if records[k].acquisition is None]
        if unnumbered:
            raise DataError(f"{unnumbered[0]} has no acquisition number in its name: use random folds")
        for position, k in enumerate(sorted(here, key=lambda k: (records[k].acquisition, records[k].key))):
            place[k], part[k] = position, position * folds // count
    return part, place, counts


def _grouped(
    records: list[Record], groups: list[int], folds: int, name: str, shuffle: np.random.RandomState | None
) -> list[Fold]:
    """Deal whole groups to folds, and see that each fold leaves every label something to train on."""
    labels = np.array([record.label for record in records])
    for label in np.unique(labels):
        count = len({group for group, one in zip(groups, labels, strict=True) if one == label})
        if count < (folds if shuffle else 2):
            raise DataError(
                f"{label} has {count} separate groups of images, too few for {folds} folds: use fewer folds"
            )
    deal = StratifiedGroupKFold(folds, shuffle=shuffle is not None, random_state=shuffle)
    result = []
    for number, (train, test) in enumerate(deal.split(labels, labels, groups), 1):
        lacking = set(labels) - set(labels[train])
        if lacking:
            raise DataError(f"fold {number} would test all the {min(lacking)} images: use more folds")
        tested = np.isin(np.arange(len(records)), test)
        result.append(_fold(f"{name}-{number}", records, tested, np.zeros(len(records), bool)))
    return result


def _fold(name: str, records: list[Record], tested: NDArray[np.bool_], gapped: NDArray[np.bool_]) -> Fold:
    keys = np.array([record.key for record in records])
    return Fold(name, tuple(keys[~tested & ~gapped]), tuple(keys[tested]), tuple(keys[gapped]))


def _sorted(records: Iterable[Record]) -> list[Record]:
    return sorted(records, key=lambda record: record.key)


def _duplicate_groups(records: list[Record]) -> list[int]:
    """Give each record the number of its group of near-duplicates; an image without any is alone in its own."""
    return _join(records, [record.duplicate_group or record.key for record in records])


def _join(records: list[Record], *groupings: Sequence[str | int]) -> list[int]:
    """Give each record the number of the group that arises when whatever shares a name in any grouping is together."""
    links = [
        (members[0], other) for names in groupings for members in _members(names).values() for other in members[1:]
    ]
    return [members[0] for members in components(len(records), links)]


def _members(names: Sequence[str | int]) -> dict[str | int, list[int]]:
    members: dict[str | int, list[int]] = {}
    for position, name in enumerate(names):
        members.setdefault(name, []).append(position)
    return members


def _most_common(parts: Iterable[int]) -> int:
    counts = Counter(parts)
    return min(counts, key=lambda part: (-counts[part], part))
