"""What a command would do, for its ``--dry-run``: names and values, and nothing trained, written or sent.

Plain lines, since ``fetch`` tells so too, in an environment that has no library of tables.
"""

import argparse
import sys
from collections.abc import Mapping


def add_dry_run(parser: argparse.ArgumentParser) -> None:
    """Add ``--dry-run`` to a command that costs time."""
    parser.add_argument(
        "--dry-run", action="store_true", help="check all that can be checked, and tell what would be done; do nothing"
    )


def describe_counts(counts: Mapping[str, int]) -> str:
    """Say how many there are of each class."""
    return ", ".join(f"{label} {count}" for label, count in counts.items())


def print_dry_run(rows: Mapping[str, object]) -> None:
    """Print what would be done, a line each."""
    width = max(map(len, rows))
    sys.stdout.writelines(f"{name:{width}}  {value}\n" for name, value in rows.items())
    sys.stderr.write("dry run: nothing was trained, written or sent\n")
