import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.holdout import GAP, contiguous_holdout

counts = st.lists(st.integers(20, 120), min_size=2, max_size=4)


@given(counts, st.randoms(use_true_random=False))
def test_parts_are_disjoint_contiguous_and_apart(sizes: list[int], random: object) -> None:
    labels = np.repeat(np.arange(len(sizes)), sizes)
    numbers = np.concatenate([np.arange(size) for size in sizes])
    shuffled = np.array(random.sample(range(len(labels)), len(labels)))  # type: ignore[attr-defined]
    labels, numbers = labels[shuffled], numbers[shuffled]
    parts = contiguous_holdout(labels, numbers)
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
        contiguous_holdout(np.array([0, 0, 1, 1]), np.array([1, 2, 1, 2]))
