"""What is remembered of polled sessions after their end: how far the browser's messages came, and who followed."""

from collections import OrderedDict
from dataclasses import dataclass

REMEMBERED = 10_000
"""Sessions; a browser asks within seconds of a lost connection."""


@dataclass
class _Session:
    visitor: str = ""
    arrived: int | None = None
    follower: str = ""


class Past:
    """Sessions, those that have ended too, the oldest forgotten first."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[str, _Session] = OrderedDict()

    def begin(self, sid: str, visitor: str) -> None:
        """Note which browser began a session."""
        self._of(sid).visitor = visitor

    def visitor(self, sid: str) -> str:
        """Give the browser that began a session; empty for an unknown one."""
        known = self._sessions.get(sid)
        return known.visitor if known else ""

    def end(self, sid: str, arrived: int) -> None:
        """Note that a session has ended, and how many whole messages had arrived."""
        self._of(sid).arrived = arrived

    def follow(self, sid: str, follower: str) -> None:
        """Note which session goes on where another one ended."""
        self._of(sid).follower = follower

    def arrived(self, sid: str) -> int | None:
        """Give how many whole messages had arrived by a session's end; None for an unknown one."""
        known = self._sessions.get(sid)
        return known.arrived if known else None

    def follower(self, sid: str) -> str:
        """Give the session that followed another; empty where none did."""
        known = self._sessions.get(sid)
        return known.follower if known else ""

    def _of(self, sid: str) -> _Session:
        session = self._sessions.setdefault(sid, _Session())
        while len(self._sessions) > REMEMBERED:
            self._sessions.popitem(last=False)
        return session
