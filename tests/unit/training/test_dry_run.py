"""``--dry-run`` of every command that costs time or money: the same flag, the same end, and nothing changed."""

import argparse
import importlib
from collections.abc import Callable
from pathlib import Path

import pytest

from training.cli import COMMANDS, main
from training.data.s3 import Bucket
from training.data.synthetic import write_dataset
from training.tracking.journal import Journal

DEFAULT = Path(__file__).resolve().parents[3] / "models" / "default"
FREE = {"check", "collect", "card", "jobs", "logs", "stop", "costs", "doctor"}
"""They look on, or take seconds and undo nothing."""
CACHES = {("runs", "manifests"), ("runs", "slides")}
ELSEWHERE = {
    "export": "test_export.py",
    "evaluate": "evaluation/test_evaluate.py",
    "promote": "promotion/test_promote.py",
    "rollback": "promotion/test_rollback.py",
}
"""Whose dry run is tested beside what the command needs."""


@pytest.fixture(scope="module")
def smears(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw 20 fields a label; read only."""
    folder = tmp_path_factory.mktemp("smears")
    write_dataset(folder, per_class=20, seed=5, size=96, fields_per_slide=4)
    return folder


def _files(folder: Path) -> dict[str, bytes]:
    """Read all but what is known of the images of a folder, which every command keeps for the next one."""
    kept = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {str(path): content for path, content in kept.items() if path.parts[:2] not in CACHES}


Run = Callable[[Path, str, Path], tuple[list[str], list[str]]]
"""Takes smears, the URI of an empty prefix and the working folder; gives arguments, and what the table must say."""


def _sync(smears: Path, uri: str, here: Path) -> tuple[list[str], list[str]]:
    journal = Journal.begin(here / "runs" / "tracking", "waiting")
    journal.write("begin", name="waiting", parameters={}, tags={})
    return [], [journal.folder.name]


def _pull(smears: Path, uri: str, here: Path) -> tuple[list[str], list[str]]:
    assert main(["ingest", str(smears), uri]) == 0
    return [uri, "pulled"], ["80 images"]


HERE: dict[str, Run] = {
    "train": lambda smears, uri, here: (["--data", str(smears), "--output", "mine"], ["learnt from"]),
    "adapt": lambda smears, uri, here: ([str(smears), "--base", str(DEFAULT), "--output", "mine"], ["groups"]),
    "sweep": lambda smears, uri, here: (["--data", str(smears), "--frozen"], ["missing"]),
    "crossvalidate": lambda smears, uri, here: (["--data", str(smears), "--frozen"], ["contiguous-1"]),
    "fetch": lambda smears, uri, here: (["--source", str(smears), "--into", "set"], ["80, "]),
    "ingest": lambda smears, uri, here: ([str(smears), uri], ["80 images"]),
    "pull": _pull,
    "slides": lambda smears, uri, here: ([str(smears)], ["Benign 20"]),
    "sync": _sync,
}


def _parser(name: str) -> argparse.ArgumentParser:
    subparsers = argparse.ArgumentParser().add_subparsers()
    importlib.import_module(f"training.{COMMANDS[name]}").add_parser(subparsers)
    parser = subparsers.choices[name]
    assert isinstance(parser, argparse.ArgumentParser)
    return parser


def test_every_command_is_free_or_has_one_that_is_tested() -> None:
    having = {name for name in COMMANDS if "--dry-run" in _parser(name)._option_string_actions}
    assert having == set(COMMANDS) - FREE == {*HERE, *ELSEWHERE}
    for place in ELSEWHERE.values():
        assert "--dry-run" in Path(__file__).parent.joinpath(place).read_text(), place


@pytest.mark.parametrize("name", HERE)
def test_it_tells_what_would_be_done_and_does_nothing(
    name: str,
    smears: Path,
    bucket_uri: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    given, told = HERE[name](smears, bucket_uri, tmp_path)
    capsys.readouterr()
    before, stored = _files(tmp_path), set(Bucket(bucket_uri, 2).list())
    assert main([name, *given, "--dry-run"]) == 0
    printed = capsys.readouterr()
    assert printed.err.splitlines()[-1] == "dry run: nothing was trained, written or sent"
    assert all(one in printed.out for one in told), printed.out
    assert _files(tmp_path) == before
    assert set(Bucket(bucket_uri, 2).list()) == stored
