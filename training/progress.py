"""Progress bars: lively on a terminal, a line now and then in a log."""

import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

_LOG_WIDTH = 100


def bar(work: Iterable[Any] | None, title: str, total: float, *, shown: bool = True, **options: Any) -> "tqdm[Any]":
    """Show how far work has come.

    Parameters
    ----------
    work
        What is iterated over; None for a bar that is moved by ``update``.
    title, total
        What is said before the bar, and what counts as all of it.
    shown
        False for no bar.
    options
        As ``tqdm`` takes them.
    """
    lively = sys.stderr.isatty()
    return tqdm(
        work,
        title,
        total,
        disable=not shown,
        mininterval=0.1 if lively else 5.0,
        ncols=None if lively else _LOG_WIDTH,  # else tqdm takes COLUMNS, of whatever terminal that was
        position=None if lively else 0,  # else a bar beside another moves a cursor that a log has not
        **options,
    )
