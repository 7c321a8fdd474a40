"""Remembers which requests this service answered, where no gateway says who asks: on a laptop."""

import os
from collections import OrderedDict
from pathlib import Path
from typing import Final

REMEMBERED: Final = 20_000
"""Requests: 3 MB of memory, and at most twice as many lines of the file."""


class AnsweredRequests:
    """Request ids, also of the processes before this one.

    Parameters
    ----------
    file
        Where they are written down, a line each; None keeps none, and holds every id to be answered: in the cloud a
        request and its feedback may meet different processes, and a token says whose feedback it is.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._lines = 0
        if file is not None and file.is_file():
            self._ids = OrderedDict.fromkeys(file.read_text("ascii", "replace").split()[-REMEMBERED:])
            self._rewrite(file)

    def note(self, request_id: str) -> None:
        """Write down a request that was answered; the answer is sent even where the disk is full."""
        if self._file is None:
            return
        self._ids[request_id] = None
        if len(self._ids) > REMEMBERED:
            self._ids.popitem(last=False)
        try:
            with self._file.open("a", encoding="ascii") as file:
                file.write(f"{request_id}{os.linesep}")
            self._lines += 1
            if self._lines > 2 * REMEMBERED:
                self._rewrite(self._file)
        except OSError:
            return

    def _rewrite(self, file: Path) -> None:
        known = list(self._ids)
        file.write_text("".join(f"{request_id}\n" for request_id in known), "ascii")
        self._lines = len(known)

    def holds(self, request_id: str) -> bool:
        """Tell whether a request was answered."""
        return self._file is None or request_id in self._ids
