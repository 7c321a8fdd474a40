"""Work that is done ahead, beside what is made of the work before."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

Made = TypeVar("Made")


def ahead(makers: Sequence[Callable[[], Made]]) -> Iterator[Made]:
    """Make things one after another, each while the one before is used.

    The thread that makes them keeps no process alive: Ctrl-C does not wait for it.

    Parameters
    ----------
    makers
        Called in order, the first at once; what one raises is raised where its result is asked for.
    """
    coming = _begun(makers[0])
    for following in makers[1:]:
        made, coming = coming.result(), _begun(following)
        yield made
    yield coming.result()


def _begun(maker: Callable[[], Made]) -> "Future[Made]":
    future: Future[Made] = Future()

    def make() -> None:
        try:
            future.set_result(maker())
        except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
            future.set_exception(error)

    Thread(target=make, daemon=True).start()
    return future
