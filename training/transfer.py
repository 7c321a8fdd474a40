"""Many small pieces of work at once, with a progress bar, going on past the ones that fail."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Generic, TypeVar

from training.data.s3 import BucketError
from training.progress import bar

T = TypeVar("T")


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """What came of the work: results in order of completion, and a line for each piece that failed."""

    results: list[T]
    failures: list[str]


@dataclass(frozen=True)
class Piece(Generic[T]):
    """One piece of work and its weight on the progress bar."""

    work: Callable[[], T]
    size_bytes: int


def run_all(title: str, pieces: Iterable[Piece[T]], workers: int, progress: bool = True) -> Outcome[T]:
    """Do all the pieces, ``workers`` at a time.

    Parameters
    ----------
    title
        Of the progress bar.
    pieces
        Each raises BucketError or OSError when it fails; the others go on.
    workers
        Threads.
    progress
        Show the bar.

    Returns
    -------
    Outcome
        When interrupted, pieces not yet begun are dropped and the interruption goes on upwards.
    """
    outcome = Outcome[T]([], [])
    waiting = list(pieces)
    total = sum(piece.size_bytes for piece in waiting)
    pool = ThreadPoolExecutor(workers)
    with bar(None, title, total, shown=progress, unit="B", unit_scale=True) as shown:
        try:
            futures = {pool.submit(piece.work): piece.size_bytes for piece in waiting}
            for future in as_completed(futures):
                try:
                    outcome.results.append(future.result())
                except (BucketError, OSError) as error:
                    outcome.failures.append(str(error))
                shown.update(futures[future])
        finally:
            pool.shutdown(cancel_futures=True)
    return outcome
