"""What a person opens: names are of others, and are shown, never done."""

import csv
import io
from pathlib import Path

import pytest
from rich.console import Console

from client.batch.tables import write_rows
from client.output import Outcome, as_csv, as_table

HOSTILE = [
    "[old]patient.png",
    "[/x].png",
    "a\x1b[2Jb.png",
    "=cmd.png",
    " =1+1.png",
    "\uff1dx.png",
    "\udcff.png",
    "a\nb.png",
]
SHOWN = [
    "[old]patient.png",
    "[/x].png",
    r"a\x1b[2Jb.png",
    "=cmd.png",
    " =1+1.png",
    "\uff1dx.png",
    r"\udcff.png",
    r"a\x0ab.png",
]


def outcomes() -> list[Outcome]:
    return [Outcome(Path("slide", name), error=f"{name}: [bold]refused[/]\x07") for name in HOSTILE]


@pytest.mark.parametrize("terminal", [False, True])
def test_a_table_shows_every_name_whole_and_none_ends_the_run(terminal: bool) -> None:
    file = io.StringIO()
    Console(file=file, width=300, force_terminal=terminal, color_system=None).print(as_table(outcomes()))
    for name in SHOWN:
        assert f"slide/{name} " in file.getvalue()
    assert "[bold]refused[/]\\x07" in file.getvalue()
    assert "\x1b[2J" not in file.getvalue()


@pytest.mark.parametrize("start", ["", "\u3000", "\t"])
def test_csv_runs_no_formula(start: str) -> None:
    outcome = Outcome(Path(f"{start}=cmd.png"), error="=1+1")
    (line,) = csv.DictReader(io.StringIO(as_csv([outcome])))
    assert line["file"].startswith("'")
    assert line["error"] == "'=1+1"


def test_a_batchs_csv_runs_no_formula_and_keeps_a_row_a_line(tmp_path: Path) -> None:
    target = tmp_path / "results.csv"
    write_rows(target, [{"key": "=cmd", "error": "a\nb"}, {"key": "s/=1", "error": ""}])
    lines = list(csv.DictReader(io.StringIO(target.read_text())))
    assert [(line["key"], line["error"]) for line in lines] == [("'=cmd", r"a\x0ab"), ("s/=1", "")]
