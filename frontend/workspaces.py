"""The workspaces of this process, each known to its browser alone by its cookie (``frontend.visitors``).

A workspace outlives the connection of its browser: a reload, a lost network and a lunch break lose nothing. It is
forgotten a while after its browser's last word, by a thread of its own, whether or not anybody else comes.
"""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from frontend.classification import Batch
from frontend.workspace import Workspace

SWEEP_S = 30.0


@dataclass(frozen=True)
class Desk:
    """A workspace and its batch.

    Attributes
    ----------
    origins
        Of the pages that its reader has open; empty where no browser named any.
    """

    workspace: Workspace
    batch: Batch
    origins: set[str] = field(default_factory=set)


class Workspaces:
    """All desks of this process, each found by its browser's token.

    Parameters
    ----------
    keep_s : float
        How long one is kept after its browser's last word (s).
    away_s : float
        After so long without a word, one is away: the first to go where room is short (s).
    total_bytes : int
        Image files held by all together; beyond it, those that are away are forgotten, the longest away first.
    clock : Callable[[], float]
        Monotonic time (s).
    """

    def __init__(
        self, keep_s: float, total_bytes: int, away_s: float = 180.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._keep_s, self._away_s, self._total_bytes, self._clock = keep_s, away_s, total_bytes, clock
        self._by_token: dict[str, Desk] = {}
        self._lock = threading.Lock()
        self._coming_bytes: Counter[int] = Counter()  # by workspace: files that are on their way

    def find(self, token: str) -> Desk | None:
        """Give the desk of a token; None where there is none."""
        return self._by_token.get(token)

    def enter(self, token: str, owner: str, limit_bytes: int) -> Desk:
        """Give the desk of a token, a new one where there is none or it is another person's.

        Parameters
        ----------
        token : str
            The browser's cookie.
        owner : str
            Who is signed in; empty where nobody signs in.
        limit_bytes : int
            Image bytes that a new workspace may hold.
        """
        with self._lock:
            desk = self._by_token.get(token)
            if desk is None or desk.workspace.owner != owner:
                workspace = Workspace(limit_bytes, owner)
                desk = self._by_token[token] = Desk(workspace, Batch(workspace))
            desk.workspace.touched = self._clock()
            return desk

    def leave(self, token: str) -> None:
        """Forget a desk at once."""
        with self._lock:
            desk = self._by_token.pop(token, None)
        if desk is not None:
            desk.batch.stop()

    @contextlib.contextmanager
    def room(self, desk: Desk, length: int) -> Iterator[bool]:
        """Keep room for a file while it comes; gives whether there is any, beside all others of all sessions."""
        with self._lock:
            held_bytes = sum(open_desk.workspace.held_bytes for open_desk in self._by_token.values())
            free = held_bytes + self._coming_bytes.total() + length <= self._total_bytes
            workspace_id = id(desk.workspace)
            reserved_bytes = (
                length if free and desk.workspace.has_room(self._coming_bytes[workspace_id] + length) else 0
            )
            self._coming_bytes[workspace_id] += reserved_bytes
        try:
            yield bool(reserved_bytes)
        finally:
            with self._lock:
                self._coming_bytes[workspace_id] -= reserved_bytes
                self._coming_bytes += Counter()  # forgets those of which nothing is on its way

    def sweep(self) -> None:
        """Forget workspaces that nobody has used for long, and those that there is no room for."""
        now = self._clock()
        with self._lock:
            oldest_first = sorted(self._by_token.items(), key=lambda item: item[1].workspace.touched)
            total = sum(desk.workspace.held_bytes for _, desk in oldest_first)
            for token, desk in oldest_first:
                quiet_s = now - desk.workspace.touched
                if quiet_s > self._keep_s or (total > self._total_bytes and quiet_s > self._away_s):
                    total -= desk.workspace.held_bytes
                    desk.batch.stop()
                    del self._by_token[token]

    def sweep_for_ever(self) -> None:
        """Sweep now and then, on a thread that ends with the process."""

        def run() -> None:
            while True:
                time.sleep(SWEEP_S)
                self.sweep()

        threading.Thread(target=run, name="workspaces-sweep", daemon=True).start()
