"""What commands print: one console and one table for all of them (docs/decisions/150)."""

from terminal.console import open_console
from terminal.table import FORMATS, Column, Table, add_format

__all__ = ["FORMATS", "Column", "Table", "add_format", "open_console"]
