"""The journal of a run on this machine: one JSON line an event, and the files beside.

``journal.jsonl`` holds the events in order; ``files/`` what is logged; ``sent.json`` how many of the events each server
has already. A journal can be sent at any time, from any machine, and again to another server. ``writer`` is there
while a process writes the run, and locked by it: the system takes the lock back however the process ends.
"""

import fcntl
import json
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from training.atomic_write import write_whole

FOLDER = Path("runs/tracking")
JOURNAL, FILES, SENT, WRITER = "journal.jsonl", "files", "sent.json", "writer"


@dataclass(frozen=True)
class Sent:
    """How much of a journal a server has.

    Attributes
    ----------
    uri
        The server, without any password.
    run_id
        The run there; None before it is made.
    events
        Sent so far, from the first.
    waiting
        Of these, by number, what the server failed at while it answered otherwise; tried again at the end.
    refused
        Of these, by number, what the server will never take, such as a model where it has no registry; and why.
    """

    uri: str
    run_id: str | None = None
    events: int = 0
    waiting: tuple[int, ...] = ()
    refused: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Journal:
    """The folder of one run."""

    folder: Path

    @classmethod
    def begin(cls, root: Path, name: str) -> "Journal":
        """Make the folder of a new run; its name sorts by time."""
        safe_name = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:60]
        folder = root / f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{safe_name}-{secrets.token_hex(3)}"
        (folder / FILES).mkdir(parents=True)
        return cls(folder.resolve())

    @property
    def files(self) -> Path:
        """Where files to be logged lie."""
        return self.folder / FILES

    @contextmanager
    def write_lock(self) -> Iterator[None]:
        """Hold the lock that shows other processes that this one writes the run."""
        path = self.folder / WRITER
        with path.open("w") as lock:
            # Where the file system knows no locks, nobody can tell that the writer is gone, and training goes on.
            with suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                yield
            finally:
                if self.ended:
                    path.unlink()

    def close_if_abandoned(self) -> bool:
        """End as KILLED a run whose writer is gone without having ended it; tells whether that was so."""
        path = self.folder / WRITER
        if not path.is_file():
            return False
        with path.open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return False
            events = self.events()
            if abandoned := bool(events) and not self.ended:
                self.write("end", status="KILLED", time_ms=events[-1]["time_ms"])
            path.unlink(missing_ok=True)
        return abandoned

    @property
    def ended(self) -> bool:
        """Tell whether the run is over."""
        return any(event["event"] == "end" for event in self.events()[-1:])

    def write(self, kind: str, **fields: Any) -> None:
        """Add one event, on the disk before anything else happens."""
        line = json.dumps({"event": kind, "time_ms": int(time.time() * 1000), **fields})
        with (self.folder / JOURNAL).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())

    def events(self) -> list[dict[str, Any]]:
        """Read the events; a last line that was cut off is left out."""
        events = []
        for line in (self.folder / JOURNAL).read_text(encoding="utf-8").splitlines():
            try:
                events.append(json.loads(line))
            except json.JSONDecodeError:
                break
        return events

    def sent(self, uri: str) -> Sent:
        """Give what a server has of this run; nothing if it was never sent there."""
        return self._servers().get(uri, Sent(uri))

    def save_sent(self, sent: Sent) -> None:
        """Store what a server has, beside what others have."""
        servers = self._servers() | {sent.uri: sent}
        write_whole(self.folder / SENT, json.dumps([vars(server) for server in servers.values()]).encode())

    def _servers(self) -> dict[str, Sent]:
        path = self.folder / SENT
        if not path.is_file():
            return {}
        stored = json.loads(path.read_text())
        # Before, the last server alone was remembered.
        servers = [Sent(**server) for server in ([stored] if isinstance(stored, dict) else stored)]
        return {server.uri: replace(server, waiting=tuple(server.waiting)) for server in servers}

    def is_sent_to(self, uri: str) -> bool:
        """Tell whether a server has everything of the run that it accepts."""
        sent = self.sent(uri)
        return sent.events >= len(self.events()) and not sent.waiting


def journals(root: Path) -> list[Journal]:
    """List the runs written down in a folder (or the one run that it is), oldest first."""
    if (root / JOURNAL).is_file():
        return [Journal(root.resolve())]
    return [Journal(path.parent.resolve()) for path in sorted(root.glob(f"*/{JOURNAL}"))]
