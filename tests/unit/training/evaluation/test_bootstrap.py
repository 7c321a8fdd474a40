import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evaluation.bootstrap import estimate, runs


@settings(deadline=None)
@given(st.integers(1, 200), st.integers(1, 40), st.randoms(use_true_random=False))
def test_runs_are_contiguous_and_of_about_the_length(count: int, length: int, random: object) -> None:
    numbers = np.array(random.sample(range(0, 5 * count, 5), count))  # type: ignore[attr-defined]
    clusters = runs(np.zeros(count, np.int64), numbers, length)
    in_order = clusters[np.argsort(numbers)]
    assert (np.diff(in_order) >= 0).all()
    sizes = np.bincount(clusters)
    assert sizes.max() - sizes.min() <= 1
    assert abs(len(sizes) - count / length) <= 1


def test_a_run_stays_in_its_stratum() -> None:
    strata = np.array([0] * 20 + [1] * 7)
    clusters = runs(strata, np.arange(27), 5)
    assert all(len(np.unique(strata[clusters == cluster])) == 1 for cluster in np.unique(clusters))


def test_clustered_errors_make_a_wider_interval() -> None:
    right = np.repeat([1.0, 1.0, 1.0, 0.0], 50)  # errors come in one block
    strata = np.zeros(200, np.int64)

    def share(which: np.ndarray) -> dict[str, float]:
        return {"share": float(right[which].mean())}

    alone = estimate(share, np.arange(200), strata, 300)["share"]
    together = estimate(share, runs(strata, np.arange(200), 25), strata, 300)["share"]
    assert alone.value == together.value == 0.75
    assert together.high - together.low > 2 * (alone.high - alone.low)
    # For independent fields the interval is the binomial one, 1.96 * sqrt(p q / n).
    assert alone.high - alone.low == pytest.approx(2 * 1.96 * np.sqrt(0.75 * 0.25 / 200), rel=0.25)


def test_every_replicate_tests_what_the_folds_test() -> None:
    strata = np.repeat([0, 1, 2], [40, 10, 3])
    clusters = runs(strata, np.arange(53), 5)
    seen = set()

    def count(which: np.ndarray) -> dict[str, float]:
        seen.add(len(np.unique(strata[which])))
        return {"fields": float(len(which))}

    found = estimate(count, clusters, strata, 50)
    assert seen == {3}
    assert found["fields"].low <= 53 <= found["fields"].high


def test_the_same_seed_gives_the_same_interval_and_holds_the_value() -> None:
    values = np.arange(60.0)

    def extremes(which: np.ndarray) -> dict[str, float]:
        return {"least": float(values[which].min()), "mean": float(values[which].mean())}

    first, again = (estimate(extremes, np.arange(60), np.zeros(60, np.int64), 100, seed=4) for _ in range(2))
    assert first == again
    assert all(one.low <= one.value <= one.high for one in first.values())
