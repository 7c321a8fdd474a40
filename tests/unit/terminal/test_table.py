"""A table, apart from any command."""

import io
import json

import pytest
from rich.console import Console
from rich.text import Text

from terminal import Column, Table


def table() -> Table:
    made = Table(["file", Column("n", right=True)], title="Two files")
    made.add("a\tb\n.png", "1")
    made.add(Text("caf\u00e9 \u8840.png", style="red"), "12")
    made.add("no number")
    return made


def shown(**options: object) -> str:
    console = Console(file=io.StringIO(), **options)  # type: ignore[arg-type]
    table().write(console)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_without_a_terminal_each_row_is_a_line_in_aligned_columns() -> None:
    assert shown(width=200).splitlines() == [
        "Two files",
        f"{'file':<14}   n",
        "a\\x09b\\x0a.png   1",
        "caf\u00e9 \u8840.png     12",  # the sign is two cells wide
        f"{'no number':<14}   -",
    ]


def test_on_a_terminal_it_is_drawn_and_folds() -> None:
    drawn = shown(width=12, force_terminal=True, color_system=None, _environ={})
    assert "\u2502" in drawn
    assert max(map(len, drawn.splitlines())) <= 12
    assert "no number" not in drawn


def test_programs_get_names_as_they_are_and_spreadsheets_a_line_a_row() -> None:
    rows = json.loads(table().as_json())
    assert rows[0] == {"file": "a\tb\n.png", "n": "1"}
    assert table().as_csv() == "file,n\na\\x09b\\x0a.png,1\ncaf\u00e9 \u8840.png,12\nno number,\n"


def test_a_stream_that_lacks_a_character_gets_its_escape() -> None:
    raw = io.BytesIO()
    console = Console(file=io.TextIOWrapper(raw, "ascii"), width=200)
    named = Table(["file"])
    named.add("\u8840\udc80.png")
    for style in ("table", "csv"):
        named.write(console, style)  # type: ignore[arg-type]
    console.file.flush()
    assert raw.getvalue().decode("ascii").splitlines() == ["file", "\\u8840\\udc80.png"] * 2


def test_a_row_never_has_more_cells_than_there_are_columns() -> None:
    with pytest.raises(ValueError, match="2 cells in a table of 1"):
        Table(["one"]).add("a", "b")
