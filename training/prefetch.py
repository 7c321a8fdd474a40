"""Work that is done ahead, beside what is made of the work before."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

Result = TypeVar("Result")


def ahead(makers: Sequence[Callable[[], Result]]) -> Iterator[Result]:
    """Make things one after another, each while the one before is used.

    The thread that makes them keeps no process alive: Ctrl-C does not wait for it.

    Parameters
    ----------
    makers
        Called in order, the first at once; what one raises is raised where its result is asked for.
    """
    future = _start(makers[0])
    for maker in makers[1:]:
        result, future = future.result(), _start(maker)
        yield result
    yield future.result()


def _start(maker: Callable[[], Result]) -> "Future[Result]":
    future: Future[Result] = Future()

    def make() -> None:
        try:
            future.set_result(maker())
        except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
            future.set_exception(error)

    Thread(target=make, daemon=True).start()
    return future
