"""Ways of keeping images apart for testing, from the kindest to the strictest.

- ``random_folds``: stratified by label. What papers on the public set report; the other fields of each test field's
  slide are in training.
- ``contiguous_folds``: runs of acquisition numbers with an embargo, so that neighbours are not on both sides. The
  public set's numbers interleave sources and return to slides, so that slides still are (docs/slides.md).
- ``slide_folds``: inferred slides one by one, or told groups (patients, slides, specimens): the nearest to new
  patients.

In all of them near-duplicates (the manifest's groups) stay together: no group is on two of train, test and gap. Only
where somebody told who is who, a likeness of two cells counts for less than that word. Folds
depend on what the records are, never on their order. Each works on any part of a set, so that a training part can be
divided again into what is trained on and what is calibrated on.
"""

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from training.data.labels import DataError
from training.data.manifest import Record

FOLDS = 5
GAP = 0.03  # of the label's images, on each side of a test run
FEW_FIELDS = 20
"""Slides of fewer fields are left out together: one by one they cost a fit each and say little."""
MOST_ALONE = 20
"""Of more slides than this, several are left out at a time."""

_Numbers: TypeAlias = NDArray[np.int64]


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
    records = _sort_by_key(records)
    return _group_folds(records, _duplicate_groups(records), folds, "random", np.random.RandomState(seed))


def slide_folds(
    records: Sequence[Record], slides: Mapping[str, str], folds: int = FOLDS, *, told: bool = False
) -> list[Fold]:
    """Leave each slide of ``FEW_FIELDS`` or more images out alone, and the smaller ones together.

    A new patient comes to a model that has learnt from every slide of the laboratory; so whoever answers for a slide
    has learnt from all the others. Some parts test few labels: score all the predictions together, not fold by fold.
    Where there are more than ``MOST_ALONE`` such slides, as of told patients, or nothing else would be left of a label,
    whole slides are dealt to parts, each label as evenly as its slides allow.

    Parameters
    ----------
    records
        In any order.
    slides
        The slide of every image, by key.
    folds
        How many parts slides are dealt to.
    told
        Somebody named the groups; then near-duplicates do not join them.

    Returns
    -------
    list of Fold
        Every image is tested once; there is no gap.

    Raises
    ------
    DataError
        An image has no slide, or a label's slides are too few to be on both sides.
    """
    records = _sort_by_key(records)
    unknown = [record.key for record in records if record.key not in slides]
    if unknown:
        raise DataError(f"{len(unknown)} images have no slide, such as {unknown[0]}: infer the slides of this very set")
    names = [slides[record.key] for record in records]
    linked = _join(names) if told else _join(names, _duplicate_groups(records).tolist())
    return _one_by_one(records, linked, "slides") or _group_folds(records, linked, folds, "slides", None)


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
    records = _sort_by_key(records)
    groups = _duplicate_groups(records)
    label, part, rank = _parts(records, folds)
    part_of_group = _most_common_part(groups, part, folds)
    result = []
    for fold in range(folds):
        tested = part_of_group[groups] == fold
        embargoed = np.zeros(len(records), bool)
        for of_label in (label == number for number in range(label.max() + 1)):
            run = rank[of_label & (part == fold)]
            reach = math.ceil(gap * np.count_nonzero(of_label))
            embargoed |= of_label & (run.min() - reach <= rank) & (rank <= run.max() + reach)
        near = np.zeros(len(records), bool)
        near[groups[embargoed]] = True
        result.append(_fold(f"contiguous-{fold + 1}", records, tested, near[groups] & ~tested))
    return result


def _parts(records: list[Record], folds: int) -> tuple[_Numbers, _Numbers, _Numbers]:
    """Give each record's label as a number, its part, and its place within its label (by number, then key)."""
    by_label: dict[str, list[int]] = {}
    for k, record in enumerate(records):
        by_label.setdefault(record.label, []).append(k)
    label, part, rank = (np.zeros(len(records), np.int64) for _ in range(3))
    for number, (name, positions) in enumerate(by_label.items()):
        count = len(positions)
        if count < folds:
            raise DataError(f"{count} {name} images cannot be cut into {folds} parts: use fewer folds")
        acquisitions = [
            record.acquisition for record in map(records.__getitem__, positions) if record.acquisition is not None
        ]
        if len(acquisitions) < count:
            unnumbered = next(records[k].key for k in positions if records[k].acquisition is None)
            raise DataError(f"{unnumbered} has no acquisition number in its name: use random folds")
        # Records are sorted by key, and the sort is stable.
        in_order = np.array(positions)[np.argsort(np.array(acquisitions), kind="stable")]
        label[positions], rank[in_order] = number, np.arange(count)
        part[in_order] = np.arange(count) * folds // count
    return label, part, rank


def _most_common_part(groups: _Numbers, part: _Numbers, folds: int) -> _Numbers:
    """Give the part that holds most of each group, by the group's number; the first of several."""
    counts = np.bincount(groups * folds + part, minlength=len(groups) * folds).reshape(-1, folds)
    return np.asarray(counts.argmax(axis=1), np.int64)


def _group_folds(
    records: list[Record], groups: _Numbers, folds: int, name: str, shuffle: np.random.RandomState | None
) -> list[Fold]:
    """Deal whole groups to folds, and see that each fold leaves every label something to train on."""
    labels = np.array([record.label for record in records])
    for label in np.unique(labels):
        count = len(np.unique(groups[labels == label]))
        if count < (folds if shuffle else 2):
            raise DataError(
                f"{label} has {count} separate groups of images, too few for {folds} folds: use fewer folds"
            )
    fold_of_image = _deal(labels, groups, folds, shuffle)
    result = []
    for fold in range(folds):
        tested = fold_of_image == fold
        lacking = set(labels) - set(labels[~tested])
        if lacking:
            raise DataError(f"fold {fold + 1} would test all the {min(lacking)} images: use more folds")
        result.append(_fold(f"{name}-{fold + 1}", records, tested, np.zeros(len(records), bool)))
    return result


def _one_by_one(records: list[Record], groups: _Numbers, name: str) -> list[Fold]:
    """Leave large groups out alone, and the rest together; no folds where that is no way to test this set."""
    labels = np.array([record.label for record in records])
    _, group_of, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    large = np.flatnonzero(sizes >= FEW_FIELDS)
    if not 2 <= len(large) <= MOST_ALONE:
        return []
    parts = [group_of == group for group in large]
    rest = sizes[group_of] < FEW_FIELDS
    parts += [rest] if rest.any() else []
    if any(set(labels[~tested]) < set(labels) for tested in parts):
        return []
    no_gap = np.zeros(len(records), bool)
    return [_fold(f"{name}-{number}", records, tested, no_gap) for number, tested in enumerate(parts, 1)]


def _deal(labels: NDArray[np.str_], groups: _Numbers, folds: int, shuffle: np.random.RandomState | None) -> _Numbers:
    """Give each image the number of the fold that tests it: 0.2 ms an image, so 20 s for a hundred thousand."""
    from sklearn.model_selection import StratifiedGroupKFold  # takes seconds, and no --help waits for it

    splitter = StratifiedGroupKFold(folds, shuffle=shuffle is not None, random_state=shuffle)
    fold_of_image = np.empty(len(labels), np.int64)
    with warnings.catch_warnings():
        # A label with fewer images than folds is tested in some of them; ``_group_folds`` has refused what it must.
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        try:
            for number, (_, tested) in enumerate(splitter.split(labels, labels, groups)):
                fold_of_image[tested] = number
        except ValueError as error:
            raise DataError(f"{len(labels)} images are too few for {folds} folds: use fewer folds") from error
    return fold_of_image


def _fold(name: str, records: list[Record], tested: NDArray[np.bool_], gapped: NDArray[np.bool_]) -> Fold:
    keys = [record.key for record in records]
    return Fold(name, _select(keys, ~tested & ~gapped), _select(keys, tested), _select(keys, gapped))


def _select(keys: list[str], mask: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(compress(keys, mask.tolist()))


def _sort_by_key(records: Iterable[Record]) -> list[Record]:
    return sorted(records, key=lambda record: record.key)


def _duplicate_groups(records: list[Record]) -> _Numbers:
    """Give each record the number of its group of near-duplicates; an image without any is alone in its own."""
    return _join([record.duplicate_group or record.key for record in records])


def _join(*groupings: Sequence[str | int]) -> _Numbers:
    """Give each record the number of the group that arises when whatever shares a name in any grouping is together.

    A group's number is the position of its first member.
    """
    count = len(groupings[0])
    # A graph of the records and the names, each record linked to its names.
    codes: dict[tuple[int, str | int], int] = {}
    ends = [
        codes.setdefault((number, name), count + len(codes)) for number, names in enumerate(groupings) for name in names
    ]
    starts = np.tile(np.arange(count), len(groupings))
    nodes = count + len(codes)
    graph = coo_array((np.ones(len(ends), np.int8), (starts, ends)), shape=(nodes, nodes))
    _, component = connected_components(graph, directed=False)
    _, first, number = np.unique(component[:count], return_index=True, return_inverse=True)
    return np.asarray(first[number], np.int64)
