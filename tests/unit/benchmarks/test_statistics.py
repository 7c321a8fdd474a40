import pytest

from benchmarks.statistics import exponent, shuffled, summary


def test_a_series_is_summed_up() -> None:
    found = summary([4.0, 1.0, 2.0, 3.0, 5.0])
    assert (found["n"], found["fastest"], found["median"]) == (5, 1.0, 3.0)
    assert (found["low_quartile"], found["high_quartile"]) == (2.0, 4.0)


@pytest.mark.parametrize("power", [0.0, 1.0, 1.5])
def test_the_exponent_of_a_power_is_found(power: float) -> None:
    sizes = [1e4, 1e5, 1e6]
    assert exponent(sizes, [3.0 * size**power for size in sizes]) == pytest.approx(power)


def test_each_turn_has_another_order_and_every_run_the_same() -> None:
    orders = [shuffled("abcdef", turn) for turn in range(8)]
    assert all(sorted(order) == list("abcdef") for order in orders)
    assert len({order[0] for order in orders}) > 3
    assert orders == [shuffled("abcdef", turn) for turn in range(8)]
