import random
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from training.data.classes import labels_of, read_classes
from training.data.labels import DataError
from training.data.manifest import Record
from training.data.splits import FOLDS, Fold, contiguous_folds, random_folds, slide_folds

Split = Callable[[list[Record]], list[Fold]]

LABELS = labels_of(read_classes())


def record(label: str, number: int, group: str | None = None) -> Record:
    facts = {"sha256": "0" * 64, "size_bytes": 9, "width": 64, "height": 64, "duplicate_group": group}
    return Record.model_validate(facts | {"key": f"{label}/f-{number:04d}.jpg", "label": label, "acquisition": number})


@st.composite
def sets_of_records(draw: st.DrawFn) -> list[Record]:
    """Sets with gaps in the numbering and near-duplicate groups, some of distant images or two labels."""
    records = []
    for label in LABELS:
        numbers = draw(st.lists(st.integers(1, 400), min_size=12, max_size=40, unique=True))
        groups = st.sampled_from([None, None, None, None, *(f"{label}-{n}" for n in range(4)), "shared"])
        records += [record(label, number, draw(groups)) for number in numbers]
    return records


def slides_of(records: list[Record]) -> dict[str, str]:
    """Ten slides a label, each a run of forty numbers."""
    return {one.key: f"{one.label}-{one.acquisition // 40}" for one in records}


SPLITS: dict[str, Split] = {
    "random": lambda records: random_folds(records, folds=3, seed=5),
    "contiguous": lambda records: contiguous_folds(records, folds=3),
    "slides": lambda records: slide_folds(records, slides_of(records), folds=3),
}


def split_or_assume(split: Split, records: list[Record]) -> list[Fold]:
    """A drawn set may be too entangled for any split: that is refused, and tested below."""
    try:
        return split(records)
    except DataError:
        assume(False)
        raise


@pytest.mark.parametrize("name", SPLITS)
@settings(max_examples=25, deadline=None)
@given(records=sets_of_records(), shuffler=st.randoms(use_true_random=False))
def test_what_holds_for_every_split(name: str, records: list[Record], shuffler: random.Random) -> None:
    folds = split_or_assume(SPLITS[name], records)
    keys = {one.key for one in records}
    groups: dict[str, set[str]] = {}
    for one in records:
        groups.setdefault(one.duplicate_group or one.key, set()).add(one.key)
    for fold in folds:
        parts = [set(fold.train), set(fold.test), set(fold.gap)]
        assert len(fold.train) + len(fold.test) + len(fold.gap) == len(keys)  # disjoint, and no key twice
        assert set.union(*parts) == keys  # exhaustive but for the gap
        for members in groups.values():
            assert sum(bool(members & part) for part in parts) == 1  # groups whole
    assert Counter(key for fold in folds for key in fold.test) == dict.fromkeys(keys, 1)  # each tested once
    shuffled = list(records)
    shuffler.shuffle(shuffled)
    assert SPLITS[name](shuffled) == folds  # stable under file order


@settings(max_examples=25, deadline=None)
@given(records=sets_of_records())
def test_no_slide_is_on_both_sides(records: list[Record]) -> None:
    slides = slides_of(records)
    for fold in split_or_assume(SPLITS["slides"], records):
        assert not {slides[key] for key in fold.train} & {slides[key] for key in fold.test}
        assert fold.gap == ()
        assert {key.split("/")[0] for key in fold.train} == set(LABELS)


@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(10, 120), min_size=4, max_size=4), share=st.sampled_from([0.0, 0.03, 0.1]))
def test_no_training_image_is_within_the_embargo_of_a_tested_run(sizes: list[int], share: float) -> None:
    records = [record(label, n) for label, size in zip(LABELS, sizes, strict=True) for n in range(size)]
    for fold in contiguous_folds(records, folds=5, gap=share):
        for label, size in zip(LABELS, sizes, strict=True):
            tested, trained = (
                sorted(int(key[-8:-4]) for key in keys if key.startswith(label)) for keys in (fold.test, fold.train)
            )
            assert tested == list(range(tested[0], tested[-1] + 1))  # one run
            nearest = min(min(abs(n - tested[0]), abs(n - tested[-1])) for n in trained)
            assert nearest > share * size


def test_the_embargo_follows_the_numbers_where_names_sort_otherwise() -> None:
    records = [
        record(label, n).model_copy(update={"key": f"{label}/f-{n}.jpg"}) for label in LABELS for n in range(100)
    ]
    for fold in contiguous_folds(records, folds=5, gap=0.03):
        numbers = [sorted(int(key[6:-4]) for key in keys if key.startswith("Pre")) for keys in (fold.train, fold.test)]
        tested = range(numbers[1][0], numbers[1][-1] + 1)
        assert numbers[1] == list(tested)
        assert not {n + shift for n in tested for shift in (-3, 3)} & set(numbers[0])


def test_random_folds_are_stratified_and_follow_the_seed() -> None:
    records = [record(label, n) for label, size in zip(LABELS, (50, 100, 150, 200), strict=True) for n in range(size)]
    for fold in random_folds(records, folds=5, seed=1):
        assert Counter(key.split("/")[0] for key in fold.test) == {"Benign": 10, "Early": 20, "Pre": 30, "Pro": 40}
    assert random_folds(records, seed=1) == random_folds(records, seed=1)
    assert random_folds(records, seed=1) != random_folds(records, seed=2)


def test_a_group_reaching_across_parts_is_tested_whole_where_most_of_it_is() -> None:
    far = {3: "pair", 4: "pair", 90: "pair"}
    records = [record(label, n, far.get(n) if label == "Pre" else None) for label in LABELS for n in range(100)]
    folds = contiguous_folds(records, folds=5)
    assert {"Pre/f-0003.jpg", "Pre/f-0004.jpg", "Pre/f-0090.jpg"} <= set(folds[0].test)
    assert "Pre/f-0090.jpg" in folds[4].gap


@pytest.mark.parametrize(
    ("split", "records", "message"),
    [
        (random_folds, [record(label, n) for label in LABELS for n in range(3)], "use fewer folds"),
        (contiguous_folds, [record("Pre", n) for n in range(3)], "use fewer folds"),
        (contiguous_folds, [record("Pre", 1).model_copy(update={"acquisition": None})] * 9, "use random folds"),
        (random_folds, [record("Pre", n, "one") for n in range(9)], "Pre has 1 separate groups"),
    ],
)
def test_what_cannot_be_split_is_refused_with_advice(split: Split, records: list[Record], message: str) -> None:
    with pytest.raises(DataError, match=message):
        split(records)


def test_a_slide_of_many_fields_is_left_out_alone_and_small_ones_together() -> None:
    sizes = {"Benign": (30, 25, 4), "Pre": (60, 20, 19)}
    slides = {
        record(label, 100 * slide + n).key: f"{label}-{slide}"
        for label, counts in sizes.items()
        for slide, count in enumerate(counts)
        for n in range(count)
    }
    records = [record(key.split("/")[0], int(key[-8:-4])) for key in slides]
    folds = slide_folds(records, slides)
    tested = [{slides[key] for key in fold.test} for fold in folds]
    assert tested == [{"Benign-0"}, {"Benign-1"}, {"Pre-0"}, {"Pre-1"}, {"Benign-2", "Pre-2"}]
    assert all(len(fold.train) + len(fold.test) == len(records) for fold in folds)


def test_of_many_slides_several_are_left_out_at_a_time() -> None:
    records = [record(label, n) for label in LABELS for n in range(120)]
    slides = {one.key: f"{one.label}-{int(one.key[-8:-4]) // 20}" for one in records}
    assert len(slide_folds(records, slides)) == FOLDS


def test_slides_that_leave_nothing_to_train_on_are_refused() -> None:
    records = [record(label, n) for label in LABELS for n in range(20)]
    one_slide = {one.key: one.label for one in records}
    with pytest.raises(DataError, match="Benign has 1 separate groups"):
        slide_folds(records, one_slide)
    with pytest.raises(DataError, match=r"80 images have no slide, such as Benign/f-0000\.jpg"):
        slide_folds(records, {})
