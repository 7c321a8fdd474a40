import pytest

from frontend.transport import session_history


def test_the_oldest_sessions_are_forgotten_first(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(session_history, "REMEMBERED", 2)
    known = session_history.Past()
    for number, sid in enumerate("abc"):
        known.end(sid, number)
    assert [known.arrived(sid) for sid in "abc"] == [None, 1, 2]


def test_who_followed_is_known_beside_how_far_a_session_came():
    known = session_history.Past()
    known.end("a", 7)
    known.follow("a", "b")
    assert (known.arrived("a"), known.follower("a")) == (7, "b")
    assert (known.arrived("b"), known.follower("b")) == (None, "")
