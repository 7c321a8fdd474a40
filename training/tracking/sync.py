"""``python -m training sync``: send the runs that a server has not got yet."""

import argparse
import sys
from pathlib import Path

from training.dry_run import add_dry_run, print_dry_run
from training.tracking.journal import FOLDER, journals
from training.tracking.sender import Sender, close_abandoned
from training.tracking.settings import tracking_uri, without_password


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``sync`` command."""
    parser = subparsers.add_parser("sync", help="send MLflow the runs that it has not got yet")
    parser.add_argument(
        "folder", type=Path, nargs="?", default=FOLDER, help="of runs written down, or one run's own (%(default)s)"
    )
    add_dry_run(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the ``sync`` command; gives the exit code: 1 where a run could not be sent."""
    uri = tracking_uri()
    address = without_password(uri)
    if options.dry_run:
        names = [journal.folder.name for journal in journals(options.folder) if not journal.is_sent_to(address)]
        runs_to_send = ", ".join(names) or "none: it has every run"
        print_dry_run({"from": options.folder, "to": address, "runs to send": runs_to_send})
        return 0
    closed = close_abandoned(options.folder, uri, address)
    if closed:
        sys.stdout.write(f"{len(closed)} runs whose process is gone ended as KILLED\n")
    waiting = [journal for journal in journals(options.folder) if not journal.is_sent_to(address)]
    failed, notices = 0, dict[str, list[tuple[str, str]]]()
    for number, journal in enumerate(waiting):  # oldest first: parents before what is filed under them
        sender = Sender(journal, uri)
        notice = sender.finish()
        if sender.is_away:
            sys.stderr.write(f"sync: {notice}\n")
            if remaining := len(waiting) - number - 1:
                sys.stderr.write(f"sync: {remaining} more wait for the same server\n")
            return 1
        failed += not journal.is_sent_to(address)
        if notice:
            # What differs from run to run is no other trouble.
            kind = notice.replace(str(journal.folder), "FOLDER").replace(sender.run_id or "no run", "ID")
            notices.setdefault(kind, []).append((journal.folder.name, notice))
    for same_notices in notices.values():
        name, notice = same_notices[0]
        runs_text = name if len(same_notices) == 1 else f"{len(same_notices)} runs, the first {name}"
        sys.stderr.write(f"sync: {runs_text}: {notice}\n")
    sent = len(waiting) - failed
    sys.stdout.write(f"{sent} runs sent to {address}\n" if waiting else f"{address} has every run\n")
    return int(failed > 0)
