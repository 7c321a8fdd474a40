import pytest

from frontend.workspaces import Workspaces


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_browser_comes_back_to_its_workspace_and_to_no_other(clock: Clock):
    held = Workspaces(60, 1_000, clock=clock)
    one = held.enter("one", "", 100)
    assert held.enter("one", "", 100) is one
    assert held.enter("two", "", 100) is not one
    assert held.find("three") is None


def test_another_person_at_the_same_browser_begins_anew(clock: Clock):
    held = Workspaces(60, 1_000, clock=clock)
    one = held.enter("one", "a@example.org", 100)
    assert held.enter("one", "b@example.org", 100) is not one


def test_what_nobody_uses_is_forgotten_without_anybody_coming(clock: Clock):
    held = Workspaces(60, 1_000, clock=clock)
    held.enter("one", "", 100)
    clock.now += 59
    held.sweep()
    assert held.find("one") is not None
    clock.now += 2
    held.sweep()
    assert held.find("one") is None


def test_where_room_is_short_the_longest_away_goes_first(clock: Clock):
    held = Workspaces(10_000, 150, away_s=100, clock=clock)
    for token in ("old", "young"):
        held.enter(token, "", 100).workspace.add("a.png", bytes(100))
        clock.now += 200
    held.enter("here", "", 100).workspace.add("a.png", bytes(100))
    held.sweep()
    assert [token for token in ("old", "young", "here") if held.find(token)] == ["here"]


def test_files_on_their_way_count_against_the_room_of_all(clock: Clock):
    held = Workspaces(60, 150, clock=clock)
    one, two = held.enter("one", "", 100), held.enter("two", "", 100)
    with held.room(one, 90) as free:
        assert free
        with held.room(two, 90) as other:
            assert not other
    with held.room(two, 90) as free:
        assert free


def test_files_of_one_session_on_their_way_side_by_side_count_together(clock: Clock):
    held = Workspaces(60, 1_000, clock=clock)
    one = held.enter("one", "", 100)
    with held.room(one, 60) as free, held.room(one, 60) as too_much:
        assert (free, too_much) == (True, False)
    with held.room(one, 60) as free:
        assert free
