"""A table that every command prints the same way: drawn on a terminal, one line a row elsewhere, or JSON, or CSV."""

import argparse
import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Column as RichColumn
from rich.table import Table as RichTable
from rich.text import Text

from untrusted import in_csv, in_terminal

Format = Literal["table", "json", "csv"]
FORMATS: tuple[Format, ...] = get_args(Format)
_EMPTY = "-"
_GAP = "  "


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: its heading and how it is set.

    Attributes
    ----------
    name
        Its heading, and its key in JSON and CSV.
    right
        Whether it holds numbers, set against its right edge.
    """

    name: str
    right: bool = False


@dataclass(frozen=True, slots=True)
class _Row:
    cells: tuple[str | Text, ...]
    style: str = ""
    begins_section: bool = False


@dataclass(slots=True)
class Table:
    """Rows under headings. A cell is text and never markup: a file may be called ``[red].png``.

    Attributes
    ----------
    columns
        Headings; a plain string is a column of text.
    title
        A line above, or nothing.
    """

    columns: Sequence[Column | str]
    title: str = ""
    _rows: list[_Row] = field(default_factory=list)

    def add(self, *cells: str | Text, style: str = "", begins_section: bool = False) -> None:
        """Add a row, with a colour for a terminal; missing cells at its end stay empty.

        Raises
        ------
        ValueError
            If there are more cells than columns.
        """
        if len(cells) > len(self.columns):
            raise ValueError(f"{len(cells)} cells in a table of {len(self.columns)} columns")
        missing = ("",) * (len(self.columns) - len(cells))
        self._rows.append(_Row((*cells, *missing), style, begins_section))

    def write(self, console: Console, style: Format = "table") -> None:
        """Print it: ``json`` is a list of objects, ``csv`` has a line of headings."""
        if style == "table":
            console.print(self)
        else:
            text = self.as_json() if style == "json" else self.as_csv()
            console.file.write(_encodable(text, console.encoding))  # as it is: a console would expand tabs

    def as_json(self) -> str:
        """Give a JSON array: an object a row, by the names of the columns."""
        rows = [dict(zip(self._names(), map(_plain, row.cells), strict=True)) for row in self._rows]
        return json.dumps(rows, indent=2) + "\n"

    def as_csv(self) -> str:
        """Give a line of headings and a line a row."""
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(self._names())
        writer.writerows([_in_csv(_plain(cell)) for cell in row.cells] for row in self._rows)
        return buffer.getvalue()

    def as_lines(self) -> Iterator[str]:
        """Give one line a row below one of headings, in columns that are as wide as what they hold."""
        rows = [self._names(), *([in_terminal(_plain(cell)) or _EMPTY for cell in row.cells] for row in self._rows)]
        rows[0] = [name or _EMPTY for name in rows[0]]
        widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            padded = (
                _pad(text, width, column) for text, width, column in zip(row, widths, self._columns(), strict=True)
            )
            yield _GAP.join(padded).rstrip()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it for a terminal, or give its lines."""
        if console.is_terminal:
            yield self._drawn()
            return
        for line in ([self.title] if self.title else []) + list(self.as_lines()):
            yield Text(_encodable(line, console.encoding), no_wrap=True, overflow="ignore")

    def _drawn(self) -> RichTable:
        headings = [
            RichColumn(column.name, justify="right" if column.right else "left", overflow="fold")
            for column in self._columns()
        ]
        drawn = RichTable(*headings, title=self.title or None)
        for row in self._rows:
            if row.begins_section:
                drawn.add_section()
            drawn.add_row(*map(_shown, row.cells), style=row.style or None)
        return drawn

    def _columns(self) -> list[Column]:
        return [column if isinstance(column, Column) else Column(column) for column in self.columns]

    def _names(self) -> list[str]:
        return [column.name for column in self._columns()]


def add_format(parser: argparse.ArgumentParser) -> None:
    """Add ``--format`` to a command that prints a table."""
    parser.add_argument("--format", choices=FORMATS, default="table", help="how it is printed (%(default)s)")


def _plain(cell: str | Text) -> str:
    return cell.plain if isinstance(cell, Text) else cell


def _shown(cell: str | Text) -> Text:
    """Escape what would break a row or be done by a terminal, and keep the colour."""
    return Text(in_terminal(_plain(cell)), cell.style if isinstance(cell, Text) else "")


def _in_csv(text: str) -> str:
    """Write a number as it is, which may begin with a minus, and any other text so that no spreadsheet runs it."""
    try:
        float(text)
    except ValueError:
        return in_csv(text)
    return text


def _encodable(text: str, encoding: str) -> str:
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _pad(text: str, width: int, column: Column) -> str:
    space = " " * (width - cell_len(text))
    return space + text if column.right else text + space
