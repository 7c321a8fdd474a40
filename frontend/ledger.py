"""The ledger: what became of every file that was dropped. It adds up at any moment."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Literal, Self

from frontend.translation import _, mark

Outcome = Literal["coming", "arrived", "refused", "too_large", "not_sent"]


@dataclass
class Arrival:
    """One file that was dropped, whether its bytes came or not."""

    number: int
    """Its place among all files, from 1."""
    name: str
    tab: str = ""
    """The browser's tab that holds the file."""
    outcome: Outcome = "coming"
    problem: str = ""
    field: str = ""
    """Key of the field that it became."""

    def end(self, outcome: Outcome, problem: str = "", field: str = "") -> None:
        """Note what became of the file."""
        self.outcome, self.problem, self.field = outcome, problem, field


@dataclass(frozen=True)
class Ledger:
    """Counts of files; ``dropped`` is the sum of all others."""

    dropped: int
    read: int = 0
    same: int = 0
    """The same image as another file."""
    waiting: int = 0
    coming: int = 0
    unanswered: int = 0
    refused: int = 0
    too_large: int = 0
    not_sent: int = 0
    removed: int = 0

    @classmethod
    def of(cls, arrivals: Iterable[Arrival], states: Mapping[str, str], removed: int) -> Self:
        """Count arrivals by the states of the fields that they became.

        Parameters
        ----------
        arrivals : Iterable[Arrival]
            Every file that was dropped.
        states : Mapping[str, str]
            State of each field, by key.
        removed : int
            Files that a reader removed since.
        """
        counts = dict.fromkeys((field.name for field in fields(cls)), 0)
        seen: set[str] = set()
        for arrival in arrivals:
            counts["dropped"] += 1
            name: str = arrival.outcome
            if name == "arrived":
                state = states[arrival.field]
                name = "same" if arrival.field in seen else "read" if state == "answered" else state
                seen.add(arrival.field)
            counts[name] += 1
        counts["removed"] = removed
        counts["dropped"] += removed
        return cls(**counts)

    @property
    def unsettled(self) -> int:
        """Files that may still be read without anybody doing anything."""
        return self.waiting + self.coming

    @property
    def unread(self) -> int:
        """Files that were not read, and will not be by themselves."""
        return self.unanswered + self.refused + self.too_large + self.not_sent

    def in_words(self) -> str:
        """Write the counts in one line.

        Examples
        --------
        >>> Ledger(dropped=60, read=57, refused=2, too_large=1).in_words()
        '60 dropped: 57 read, 2 refused, 1 too large'
        """
        counts = {name: getattr(self, name) for name in WORDS}
        parts = [_(WORDS[name]).format(count=count) for name, count in counts.items() if count or name == "read"]
        return " ".join([_("{count} dropped:").format(count=self.dropped), ", ".join(parts)])


WORDS = {
    "read": mark("{count} read"),
    "waiting": mark("{count} waiting"),
    "coming": mark("{count} on the way"),
    "unanswered": mark("{count} without an answer"),
    "refused": mark("{count} refused"),
    "too_large": mark("{count} too large"),
    "not_sent": mark("{count} not sent"),
    "same": mark("{count} the same image again"),
    "removed": mark("{count} removed by you"),
}
"""What each count is called, in the order in which they are told."""
