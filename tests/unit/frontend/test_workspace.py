from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from frontend import workspace as module
from frontend.ledger import Ledger
from frontend.workspace import MAX_FILE_BYTES, Review, Workspace


@pytest.fixture
def workspace() -> Workspace:
    return Workspace(limit_bytes=100)


def adds_up(ledger: Ledger) -> bool:
    parts = [getattr(ledger, name) for name in Ledger.__dataclass_fields__ if name != "dropped"]
    return ledger.dropped == sum(parts)


def test_the_same_bytes_are_one_field(workspace: Workspace):
    assert workspace.add("a.png", b"x") is workspace.add("b.png", b"x")
    assert len(workspace.fields) == 1
    assert workspace.ledger().same == 1


def test_a_file_counts_before_its_bytes_are_here(workspace: Workspace):
    workspace.announce("file-0001", "a.png", 10)
    assert workspace.ledger().in_words() == "1 dropped: 0 read, 1 on the way"


def test_too_large_and_empty_files_are_told_with_good_ones(workspace: Workspace):
    workspace.announce("file-0001", "large.png", MAX_FILE_BYTES + 1)
    workspace.announce("file-0002", "empty.png", 0)
    workspace.add("good.png", b"x").state = "answered"
    assert workspace.ledger().in_words() == "3 dropped: 1 read, 1 refused, 1 too large"
    assert [name for name, _ in workspace.unread()] == ["large.png", "empty.png"]
    assert "25.0 MiB" in workspace.unread()[0][1]


def test_a_tab_that_is_gone_sends_nothing_more(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    now = 0.0
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now))
    workspace.announce("file-0001", "a.png", 10, "tab")
    workspace.mark_tab_alive("tab")
    now = module.TAB_GONE_S + 1
    workspace.mark_tab_alive("other")
    assert workspace.ledger().in_words() == "1 dropped: 0 read, 1 not sent"
    assert "Add it again" in workspace.unread()[0][1]


def test_a_tab_that_says_goodbye_sends_nothing_more(workspace: Workspace):
    workspace.announce("file-0001", "a.png", 10, "tab")
    workspace.announce("file-0002", "b.png", 10, "other")
    workspace.close_tab("tab")
    assert (workspace.ledger().not_sent, workspace.ledger().coming) == (1, 1)


def test_a_file_that_comes_after_all_is_taken(workspace: Workspace):
    workspace.announce("file-0001", "a.png", 10, "tab")
    workspace.close_tab("tab")
    workspace.receive("file-0001", b"x")
    assert workspace.ledger().in_words() == "1 dropped: 0 read, 1 waiting"


steps = some.lists(
    some.tuples(
        some.sampled_from(["announce", "add", "answer", "refuse", "fail", "lose", "remove", "dismiss", "again"]),
        some.integers(0, 5),
    ),
    max_size=40,
)


def do(workspace: Workspace, step: str, number: int) -> None:
    """Do what may happen to a file."""
    held = list(workspace.fields.values())
    one = held[number % len(held)] if held else None
    states = {"answer": "answered", "refuse": "refused", "fail": "unanswered"}
    acts: dict[str, Any] = {
        "announce": lambda: workspace.announce(f"file-{number:04}", f"{number}.png", number * 10_000_000),
        "add": lambda: workspace.add(f"{number}.png", bytes([number])),
        "lose": lambda: workspace.not_sent(f"file-{number:04}", "Lost."),
        "dismiss": workspace.dismiss,
        "again": workspace.ask_again,
        "remove": lambda: workspace.remove(one.key) if one else None,
    }
    if step in acts:
        acts[step]()
    elif one is not None:
        one.state = states[step]  # type: ignore[assignment]


@given(steps)
def test_the_ledger_adds_up_at_any_moment(taken: list[tuple[str, int]]):
    workspace = Workspace(limit_bytes=100)
    for step, number in taken:
        do(workspace, step, number)
        assert adds_up(workspace.ledger())


def test_numbers_stay_when_a_field_is_removed(workspace: Workspace):
    fields = [workspace.add(name, name.encode()) for name in ("a", "b", "c")]
    workspace.remove(fields[1].key)
    assert [one.number for one in workspace.fields.values()] == [1, 3]
    assert workspace.add("d", b"d").number == 4
    assert workspace.ledger().removed == 1


def test_answered_files_make_room_for_new_ones_oldest_first(workspace: Workspace):
    old, new = workspace.add("a.png", bytes(40)), workspace.add("b.png", bytes(41))
    assert not workspace.has_room(50)
    old.state = new.state = "answered"
    assert workspace.has_room(50)
    assert old.data is None
    assert new.data is not None


def test_a_field_without_an_answer_is_asked_again(workspace: Workspace):
    field = workspace.add("a.png", b"x")
    field.state, field.problem, field.tries = "unanswered", "No answer.", 6
    workspace.ask_again()
    assert (field.state, field.problem, field.tries) == ("waiting", "", 0)


def test_a_judgement_is_taken_back_one_at_a_time(workspace: Workspace):
    field = workspace.add("a.png", b"x")
    workspace.set_review(field.key, Review("Pre"))
    workspace.set_review(field.key, Review("Pro"))
    assert workspace.undo() == field.key
    assert field.review is not None
    assert field.review.label == "Pre"
    workspace.undo()
    assert field.review is None
    assert workspace.undo() is None


def test_what_a_reader_entered_waits_for_its_field(workspace: Workspace):
    key = workspace.add("a.png", b"x").key
    fresh = Workspace(limit_bytes=100)
    fresh.restore([(key, Review("Pre"), "near the edge", True)])
    field = fresh.add("again.png", b"x")
    assert (field.review and field.review.label, field.note, field.left_out) == ("Pre", "near the edge", True)


def test_clearing_forgets_everything(workspace: Workspace):
    workspace.add("a.png", b"x")
    workspace.specimen = "Case 1"
    workspace.clear()
    assert (workspace.fields, workspace.specimen, workspace.ledger().dropped) == ({}, "", 0)
