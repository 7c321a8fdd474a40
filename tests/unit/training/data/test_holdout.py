from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.dataset import load_fields
from training.data.protocols import GAP, contiguous_holdout, group_numbers
from training.data.synthetic import write_dataset
from training.data.validation import manifest_of

counts = st.lists(st.integers(20, 120), min_size=2, max_size=4)


@given(counts, st.randoms(use_true_random=False))
def test_parts_are_disjoint_contiguous_and_apart(sizes: list[int], random: object) -> None:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    numbers = np.concatenate([np.arange(size) for size in sizes])
    shuffled = np.array(random.sample(range(len(labels)), len(labels)))  # type: ignore[attr-defined]
    labels, numbers = labels[shuffled], numbers[shuffled]
    parts = contiguous_holdout(labels, numbers, np.arange(len(labels)))
    for label, size in enumerate(sizes):
        train, calibration, test = (
            np.sort(numbers[part][labels[part] == label]) for part in (parts.train, parts.calibration, parts.test)
        )
        for run in (calibration, test):
            assert len(run) == run[-1] - run[0] + 1, "a held-out run has holes"
            nearest = np.abs(train[:, None] - run).min()
            assert nearest > GAP * size - 1, "a training field is inside the gap"
        assert len(np.intersect1d(calibration, test)) == 0


def test_too_few_fields_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 10 a class"):
        contiguous_holdout(np.array([0, 0, 1, 1]), np.array([1, 2, 1, 2]), np.arange(4))


def test_fields_that_share_cells_stay_on_one_side() -> None:
    labels = np.repeat(np.arange(2), 100)
    numbers = np.concatenate([np.arange(100)] * 2)
    groups = np.arange(200)
    groups[[5, 50]] = 5  # far apart in number: one trained on, one in the test run
    groups[[10, 85]] = 10  # one trained on, one in the calibration run
    groups[[151, 186]] = 151  # one in the test run, one in the calibration run
    parts = contiguous_holdout(labels, numbers, groups)
    assert {50, 151} <= set(parts.test)
    assert 85 in parts.calibration
    assert not {5, 10} & set(parts.train)
    assert 186 not in parts.calibration


def test_groups_come_from_the_manifest(tmp_path: Path) -> None:
    write_dataset(tmp_path / "data", per_class=3, seed=2, size=96)
    first, second = sorted((tmp_path / "data" / "Pre").iterdir())[:2]
    second.write_bytes(first.read_bytes())
    fields = load_fields(tmp_path / "data")
    groups = group_numbers(fields, manifest_of(tmp_path / "data", tmp_path / "cache", progress=False))
    assert groups[fields.paths.index(first)] == groups[fields.paths.index(second)]
    assert len(np.unique(groups)) == len(fields) - 1
