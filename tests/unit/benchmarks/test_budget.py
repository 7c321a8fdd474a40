from benchmarks.budget import Budget


def ticking(seconds: float, budget_s: float) -> Budget:
    """A budget whose clock moves by so much each time that it is read."""
    times = iter(seconds * number for number in range(1000))
    return Budget(budget_s, clock=lambda: next(times))


def test_all_turns_are_made_while_there_is_time() -> None:
    assert list(Budget(60).turns("x", 4)) == [0, 1, 2, 3]


def test_turns_end_with_the_budget_but_not_before_the_least() -> None:
    assert list(ticking(1.0, budget_s=3.5).turns("x", 100)) == [0, 1, 2, 3]
    assert list(ticking(10.0, budget_s=3.5).turns("x", 100, min_turns=5)) == [0, 1, 2, 3, 4]


def test_a_share_of_the_budget_leaves_the_rest_to_later_measurements() -> None:
    budget = ticking(1.0, budget_s=10.0)
    assert len(list(budget.turns("x", 100, until=0.5))) == 6
    assert len(list(budget.turns("x", 100))) == 5


def test_what_was_cut_short_is_remembered_and_what_was_not_is_not() -> None:
    budget = ticking(1.0, budget_s=3.5)
    assert len(list(budget.turns("cold starts", 2))) == 2
    assert len(list(budget.turns("throughput", 5, min_turns=1))) < 5
    assert list(budget.cut_short) == ["throughput"]
    assert budget.cut_short["throughput"].endswith("of 5 turns")
