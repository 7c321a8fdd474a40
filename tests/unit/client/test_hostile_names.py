"""What a command prints of texts that others chose: each is shown on its line, and nothing in it is done."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from api.schemas import BatchSummary
from client.batch.progress import report, say
from client.batch.results import Tally
from client.cli import main

from .scripted import Reply, Scripted

HOSTILE = "[bold]a[/x]\x1b[2J"
SHOWN = r"[bold]a[/x]\x1b[2J"


def test_a_file_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", str(tmp_path / f"{HOSTILE}.png")]) == 2
    assert f"{SHOWN}.png" in capsys.readouterr().err


def test_kinds_of_files_that_are_skipped_are_told(
    service: str, sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.png").write_bytes(sample.read_bytes())
    (tmp_path / "b.\x1b[2j").write_bytes(b"no image")
    assert main(["predict", str(tmp_path), "--url", service]) == 0
    assert r"1 .\x1b[2j" in capsys.readouterr().err


def test_what_a_service_answers_is_told(scripted: Callable[..., Scripted], capsys: pytest.CaptureFixture[str]) -> None:
    problem = {"type": "urn:x", "title": "No", "status": 400, "detail": HOSTILE}
    api = scripted(Reply(400, json.dumps(problem).encode(), {"content-type": "application/problem+json"}))
    assert main(["models", "--url", api.url]) == 3
    assert SHOWN in capsys.readouterr().err


def test_who_asked_for_an_erasure_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "feedback" / "request-1").mkdir(parents=True)
    (tmp_path / "feedback" / "request-1" / "a.json").write_bytes(b"kept")
    assert main(["erase", "--data", str(tmp_path), "--asked-by", HOSTILE, "--feedback", "request-1"]) == 0
    assert f"asked_by={SHOWN}\n" in capsys.readouterr().out


def written(write: Callable[[Console], None]) -> str:
    """Give what is printed to a terminal of many columns."""
    file = io.StringIO()
    write(Console(file=file, width=300, force_terminal=True, color_system=None))
    return file.getvalue()


def test_keys_of_a_batch_are_told_a_line_each() -> None:
    tally = Tally([{"key": f"{HOSTILE}\nb", "error": HOSTILE}, {"key": "c", "error": "no"}])
    assert len(list(tally)) == 2
    lines = written(lambda console: report(console, BatchSummary(folder="results/r"), tally)).splitlines()
    assert rf"no answer: {SHOWN}\x0ab: {SHOWN}" in lines
    assert "no answer: c: no" in lines


def test_what_a_batch_says_has_no_escape_and_no_markup() -> None:
    assert written(lambda console: say(console, f"one\n{HOSTILE}")) == f"one\n{SHOWN}\n"
