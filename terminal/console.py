"""The console of a command: as wide as the terminal, or without any width where its lines go to a pipe or a file."""

import sys

from rich.console import Console

_UNBOUNDED = 1_000_000
"""Cells. Wider than any line, so that nothing is cut or folded where no terminal shows it."""


def open_console(*, stderr: bool = False) -> Console:
    """Open the console of the standard output.

    Parameters
    ----------
    stderr
        Take the standard error instead: for progress and remarks, which no other program reads.

    Returns
    -------
    Console
        One that breaks lines only on a terminal. Elsewhere ``COLUMNS``, ``FORCE_COLOR`` and ``TERM`` change nothing.
    """
    stream = sys.stderr if stderr else sys.stdout
    if stream.isatty():
        return Console(stderr=stderr)
    # Rich takes the width from COLUMNS, and for a dumb terminal 80, unless both sizes are given.
    return Console(stderr=stderr, width=_UNBOUNDED, height=_UNBOUNDED, force_terminal=False, soft_wrap=True)
