"""A part runs in a process of its own, and is ended when its time is over."""

import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from benchmarks import __main__ as whole
from benchmarks import machine, one
from benchmarks.budget import Budget
from benchmarks.markdown import where
from benchmarks.parts import PARTS, WHOLE_S, Part


@pytest.fixture
def told() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def console(told: io.StringIO) -> Console:
    return Console(file=told, width=200)


def test_a_part_that_takes_too_long_is_ended_and_said_so(told: io.StringIO, console: Console) -> None:
    assert not whole._run_in_process(PARTS[0], [], 0.2, console)
    assert "serving was ended after 0 s" in told.getvalue()


def test_later_parts_keep_their_time(monkeypatch: pytest.MonkeyPatch, console: Console) -> None:
    limits_s = []

    def quick(part: Part, models: list[Path], limit_s: float, console: Console) -> bool:
        limits_s.append(limit_s)
        return part.name != "limit"

    monkeypatch.setattr(whole, "_run_in_process", quick)
    monkeypatch.setattr(whole, "time", SimpleNamespace(monotonic=lambda: 7.0))  # no part takes any time
    assert whole._measure(list(PARTS), console, []) == ["limit"]
    slack_s = WHOLE_S - sum(part.budget_s for part in PARTS)
    assert limits_s[0] == PARTS[0].budget_s + slack_s
    assert limits_s[-1] == WHOLE_S


def test_results_say_what_was_cut_short(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, told: io.StringIO, console: Console
) -> None:
    def cut(console: Console, budget: Budget) -> dict[str, Any]:
        budget.seconds = -1.0
        return {"turns": len(list(budget.turns("starts", 9, min_turns=2)))}

    monkeypatch.setattr(machine, "RESULTS", tmp_path)
    monkeypatch.setattr("benchmarks.growth.measure", cut)
    one.measure(Part("growth", "growth", 60, "growth"), [], console)
    written = json.loads((tmp_path / "growth.json").read_text())
    assert written["turns"] == 2
    assert written["cut_short"] == {"starts": "2 of 9 turns"}
    assert "Cut short for time: starts, 2 of 9 turns" in told.getvalue()
    assert "Cut short for time: starts (2 of 9 turns)." in where(written)


def test_a_part_that_cannot_be_measured_here_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, console: Console
) -> None:
    monkeypatch.setattr(machine, "RESULTS", tmp_path)
    monkeypatch.setattr("benchmarks.image_size.find_engine", lambda: None)
    one.measure(Part("image", "image_size", 60, "the image"), [], console)
    assert list(tmp_path.iterdir()) == []


def test_an_engine_that_cannot_build_is_told_and_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, told: io.StringIO, console: Console
) -> None:
    engine = tmp_path / "podman"
    engine.write_text("#!/bin/sh\necho no base image >&2\nexit 125\n")
    engine.chmod(0o755)
    monkeypatch.setattr(machine, "RESULTS", tmp_path / "results")
    monkeypatch.setattr("benchmarks.image_size.find_engine", lambda: str(engine))
    one.measure(Part("image", "image_size", 60, "the image"), [], console)
    assert "not measured" in told.getvalue()
    assert "no base image" in told.getvalue()
    assert not (tmp_path / "results").exists()
