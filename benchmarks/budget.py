"""The time that a part may take: it measures in turns, and stops between two of them when its time is over."""

import time
from collections.abc import Callable, Iterator


class Budget:
    """Seconds, counted from when it is made.

    Parameters
    ----------
    seconds
        Of the whole part.
    clock
        Gives seconds; another one for tests.

    Attributes
    ----------
    cut_short
        What ended before all its turns were made, for want of time: "5 of 30 turns".
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self.cut_short: dict[str, str] = {}
        self._clock = clock
        self._started_s = clock()

    @property
    def used_s(self) -> float:
        """Seconds since it was made."""
        return self._clock() - self._started_s

    def turns(self, name: str, max_turns: int, min_turns: int = 1, until: float = 1.0) -> Iterator[int]:
        """Count turns.

        Parameters
        ----------
        name
            Of what is measured, in words, should it be cut short.
        max_turns, min_turns
            How many are wanted, and how many are made whatever they take: a median needs some.
        until
            Share of the budget after which no further turn begins; a part of several measurements leaves some for the
            next ones.
        """
        for turn in range(max_turns):
            if turn >= min_turns and self.used_s > self.seconds * until:
                self.cut_short[name] = f"{turn} of {max_turns} turns"
                return
            yield turn
