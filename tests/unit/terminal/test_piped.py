"""What goes to a pipe is the same however wide some terminal is, for every command that prints a table."""

import ast
import csv
import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

from api.schemas import BatchSummary
from client.batch.progress import report
from client.cli import main as client
from local import demo
from local.cli import main as local
from terminal import open_console
from training.cli import main as training
from training.sagemaker_jobs import watch
from training.sagemaker_jobs.deployment import assumed_deployment
from training.sagemaker_jobs.jobs import Job
from training.sagemaker_jobs.table import View
from training.sweep_report import SweepReport, terminal_table
from training.sweep_trials import Trial, TrialResult

ROOT = Path(__file__).parents[3]
WIDTHS = ("40", "80", "200")
FILES = ("a field.png", "[red]field.png", f"{'long' * 40}.png")


@pytest.fixture
def slide(tmp_path: Path) -> Path:
    """Give images under names that a table could fold, cut or take for colours."""
    folder = tmp_path / ("a folder whose name is long enough for any terminal " * 2).strip()
    folder.mkdir()
    for name in FILES:
        (folder / name).write_bytes((ROOT / "samples" / "synthetic_pre_01.png").read_bytes())
    return folder


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put two jobs into an account that nobody has to ask."""
    job = Job(
        name=f"leukolens-dev-{'nine' * 20}-001-0a1b2c3d",
        status="Completed",
        doing="Completed",
        hyperparameters={"optimizer": "adam", "epochs": "6"},
        instance_type="ml.m5.xlarge",
        instances=1,
        epoch=6,
        objective=0.97,
        seconds=1620,
        billed_seconds=486,
        failure=None,
    )
    failed = replace(job, name="b", status="Failed", failure="AlgorithmError: " + "no such channel " * 9)
    monkeypatch.setattr(watch, "open_session", lambda environment: None)
    monkeypatch.setattr(watch, "read_deployment", lambda environment, session: assumed_deployment(environment))
    monkeypatch.setattr(watch, "look", lambda *asked: View([job, failed], ["one more line " * 9]))
    monkeypatch.setattr(watch, "settle", lambda *told: None)


def _demo(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "_start", lambda *started: [])
    monkeypatch.setattr(demo, "address", lambda host, port: service)
    monkeypatch.setattr(demo, "bind", lambda host, port: nullcontext())
    monkeypatch.setattr(demo, "statistics", SimpleNamespace(median=lambda values: 1.0))
    assert demo.demo(1, 2, once=True) == 0


def _batch() -> None:
    counts = {"accepted": 3, "uncertain": 1, "out_of_distribution": 2}
    sides = {"malignant": 3, "uncertain": 3}
    summary = BatchSummary.model_construct(
        triage=sides, verdicts=counts, labels={"Pre": 4, "a label " * 20: 2}, problems=1
    )
    row = {"key": "smears/" + "long/" * 40, "error": "no image " * 20}
    report(open_console(), summary, SimpleNamespace(rows=7, unanswered=2, first_unanswered=[row]))


def _sweep() -> None:
    trial = Trial(backbone="tiny", optimizer="adam", batch_size=16, epochs=1, seed=1, protocol="holdout")
    failed = TrialResult(trial=trial, status="failed", error="DivergedError: " + "long " * 40, seconds=1.0)
    made = SweepReport(manifest="0", created="2026-11-28", corner="hidden", features_s={}, results=[failed])
    terminal_table(made).write(open_console())


def _benchmark(module: str, part: str) -> None:
    results = json.loads((ROOT / "benchmarks" / "results" / f"{part}.json").read_text())
    import_module(f"benchmarks.{module}").show(open_console(), results)


COMMANDS: dict[str, Callable[..., object]] = {
    "client predict": lambda one: client(["predict", str(one.slide), "--url", one.service]),
    "client predict, no answer": lambda one: client(["predict", __file__, "--url", one.service]),
    "client models": lambda one: client(["models", "--url", one.service]),
    "client batch": lambda one: _batch(),
    "local predict": lambda one: local(["predict", str(one.slide / FILES[2])]),
    "local demo": lambda one: _demo(one.service, one.monkeypatch),
    "training jobs": lambda one: training(["jobs"]),
    "training sweep": lambda one: _sweep(),
    "training costs": lambda one: training(["costs"]),
    "benchmarks serving": lambda one: _benchmark("serving", "serving"),
    "benchmarks peers_serving": lambda one: _benchmark("peers_serving", "peers"),
}


@pytest.fixture
def run(
    service: str, slide: Path, jobs: None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[[str, str], tuple[str, str]]]:
    """Run a command with its output in a file; gives both of its streams."""

    # The service of these tests runs in this process, and its log would come between.
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)

    def piped(command: str, columns: str) -> tuple[str, str]:
        monkeypatch.setenv("COLUMNS", columns)
        COMMANDS[command](SimpleNamespace(service=service, slide=slide, monkeypatch=monkeypatch))
        printed = capfd.readouterr()
        return printed.out, re.sub(r"\d+:\d\d(:\d\d)?", "TIME", printed.err)

    return piped


@pytest.mark.parametrize("command", COMMANDS)
def test_the_width_of_a_terminal_changes_nothing(command: str, run: Callable[[str, str], tuple[str, str]]) -> None:
    narrow, usual, wide = (run(command, columns) for columns in WIDTHS)
    assert narrow[0].strip()
    assert narrow == usual == wide


@pytest.mark.parametrize("variable", [("FORCE_COLOR", "1"), ("TERM", "dumb"), ("TTY_COMPATIBLE", "1")])
def test_nor_does_what_else_a_shell_says_of_terminals(
    variable: tuple[str, str], run: Callable[[str, str], tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = run("client predict", "80")
    monkeypatch.setenv(*variable)
    assert run("client predict", "40") == plain


def test_each_file_is_one_line_with_its_whole_name(run: Callable[[str, str], tuple[str, str]], slide: Path) -> None:
    heading, *lines = run("client predict", "40")[0].splitlines()
    assert heading.split()[0] == "file"
    assert sorted(line[: line.index(".png") + 4] for line in lines) == sorted(str(slide / name) for name in FILES)


def test_jobs_are_given_to_programs(jobs: None, capfd: pytest.CaptureFixture[str]) -> None:
    assert training(["jobs", "--format", "json"]) == 0
    first, second = json.loads(capfd.readouterr().out)
    assert (first["epoch"], first["status"], second["status"]) == ("6/6", "Completed", "Failed")
    assert training(["jobs", "--format", "csv"]) == 0
    assert list(csv.DictReader(io.StringIO(capfd.readouterr().out))) == [first, second]


def test_no_command_draws_tables_or_opens_consoles_by_itself() -> None:
    """One place decides what a pipe gets; a table drawn elsewhere would be cut at 80 columns again."""
    own = []
    for package in ("benchmarks", "client", "frontend", "infra", "lambda", "local", "release", "training"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                draws = isinstance(node, ast.ImportFrom) and node.module in {"rich.table", "tabulate"}
                opens = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Console"
                if draws or opens:
                    own.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert own == []
