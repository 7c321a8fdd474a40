"""What a command would do, for its ``--dry-run``: one table, and nothing trained, written or sent."""

import argparse
import sys
from collections.abc import Mapping

from terminal import Table, open_console


def add_dry_run(parser: argparse.ArgumentParser) -> None:
    """Add ``--dry-run`` to a command that costs time."""
    parser.add_argument(
        "--dry-run", action="store_true", help="check all that can be checked, and tell what would be done; do nothing"
    )


def tell(rows: Mapping[str, object]) -> None:
    """Print what would be done, a line each."""
    table = Table(("what", "value"))
    for name, value in rows.items():
        table.add(name, str(value))
    table.write(open_console())
    sys.stderr.write("dry run: nothing was trained, written or sent\n")
