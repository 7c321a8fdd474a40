from pathlib import Path

import pytest

from api import answered
from api.answered import AnsweredRequests


def test_the_last_are_remembered_and_neither_memory_nor_file_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answered, "REMEMBERED", 5)
    file = tmp_path / "answered"
    requests = AnsweredRequests(file)
    for number in range(100):
        requests.note(f"r{number}")
        assert len(file.read_text().split()) <= 2 * 5 + 1
    for known in (requests, AnsweredRequests(file)):
        assert [number for number in range(100) if known.holds(f"r{number}")] == [95, 96, 97, 98, 99]
    assert file.read_text().split() == ["r95", "r96", "r97", "r98", "r99"]


def test_without_a_file_every_request_counts_as_answered() -> None:
    requests = AnsweredRequests(None)
    requests.note("a")
    assert requests.holds("never seen")
