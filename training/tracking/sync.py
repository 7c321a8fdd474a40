"""``python -m training sync``: send the runs that a server has not got yet."""

import argparse
import sys
from pathlib import Path

from training.tracking.journal import FOLDER, journals
from training.tracking.sender import Sender, close_abandoned
from training.tracking.settings import tracking_uri, without_password


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``sync`` command."""
    parser = subparsers.add_parser("sync", help="send MLflow the runs that it has not got yet")
    parser.add_argument(
        "folder", type=Path, nargs="?", default=FOLDER, help="of runs written down, or one run's own (%(default)s)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the ``sync`` command; gives the exit code: 1 where a run could not be sent."""
    uri = tracking_uri()
    place = without_password(uri)
    for journal in close_abandoned(options.folder, uri, place):
        sys.stdout.write(f"{journal.folder.name}: ended as KILLED, its process is gone\n")
    waiting = [journal for journal in journals(options.folder) if not journal.whole(place)]
    for journal in waiting:  # oldest first: parents before what is filed under them
        if trouble := Sender(journal, uri).finish():
            sys.stderr.write(f"sync: {trouble}\n")
            return 1
        sys.stdout.write(f"{journal.folder.name}: sent\n")
    sys.stdout.write(f"{len(waiting)} runs sent to {place}\n" if waiting else f"{place} has every run\n")
    return 0
