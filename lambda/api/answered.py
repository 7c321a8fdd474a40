"""Remembers which requests this service answered, where no gateway says who asks: on a laptop."""

import os
from pathlib import Path
from typing import Final

REMEMBERED: Final = 200_000
"""Requests; 37 bytes each."""


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
        self._ids: dict[str, None] = {}
        if file is not None and file.is_file():
            self._ids = dict.fromkeys(file.read_text("ascii", "replace").split()[-REMEMBERED:])
            file.write_text("".join(f"{request_id}\n" for request_id in self._ids), "ascii")

    def note(self, request_id: str) -> None:
        """Write down a request that was answered; the answer is sent even where the disk is full."""
        if self._file is None:
            return
        self._ids[request_id] = None
        while len(self._ids) > REMEMBERED:
            del self._ids[next(iter(self._ids))]
        try:
            with self._file.open("a", encoding="ascii") as file:
                file.write(f"{request_id}{os.linesep}")
        except OSError:
            return

    def holds(self, request_id: str) -> bool:
        """Tell whether a request was answered."""
        return self._file is None or request_id in self._ids
