"""The price of a million images, by sums small enough to do in one's head."""

import pytest

from benchmarks import lambda_cost

RATES = {"one_core": 10.0, "two_cores": 16.0, "two_processes": 20.0}


def test_the_share_that_runs_in_parallel_gives_back_the_measured_rate() -> None:
    share = lambda_cost.parallel_share(RATES)
    assert share == pytest.approx(0.75)
    assert RATES["one_core"] / (1 - share + share / 2) == pytest.approx(RATES["two_cores"])


@pytest.mark.parametrize(("two_cores", "expected"), [(8.0, 0.0), (10.0, 0.0), (20.0, 1.0), (25.0, 1.0)])
def test_no_share_is_below_none_or_above_all(two_cores: float, expected: float) -> None:
    assert lambda_cost.parallel_share({**RATES, "two_cores": two_cores}) == pytest.approx(expected)


def test_measured_rates_are_taken_as_they_are_and_the_others_follow_amdahl() -> None:
    rates = [lambda_cost.rate(RATES, vcpus, share=0.75) for vcpus in (1, 2, 3)]
    assert rates == pytest.approx([10.0, 16.0, 10.0 / (0.25 + 0.25)])


def test_six_virtual_cpus_are_the_largest_memory() -> None:
    assert [lambda_cost.memory_mb(vcpus) for vcpus in (1, 2, 6)] == [1769, 3538, 10_240]


def test_a_million_seconds_of_one_gigabyte() -> None:
    assert lambda_cost.usd(1.0, 1024, 0.00001) == pytest.approx(10.0)


def test_threads_that_bring_nothing_cost_as_much_as_one() -> None:
    medians = {"one_core": 10.0, "two_cores": 10.0, "two_processes": 20.0}
    rows = lambda_cost.rows({"images_per_s": {way: {"median": rate} for way, rate in medians.items()}})
    assert [row[0] for row in rows] == ["1", "2", "3", "4", "5", "6"]
    assert all(row[3] == row[5] for row in rows)
    assert [row[-1] for row in rows] == ["measured"] * 2 + ["computed"] * 4
