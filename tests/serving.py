"""The server in a thread: real HTTP in the process of the tests."""

import contextlib
import threading
import time
from collections.abc import Iterator

from starlette.types import ASGIApp

from local.server import StartError, address, bind, server

_START_S = 60.0  # one that fails is told at once


@contextlib.contextmanager
def running(app: ASGIApp, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve an application while the ``with`` lasts; gives its base URL.

    Parameters
    ----------
    port
        0 takes a free one.

    Raises
    ------
    StartError
        When it does not come up.
    """
    with bind(host, port) as listening:
        serving = server(app)
        thread = threading.Thread(target=serving.run, kwargs={"sockets": [listening]}, name="server", daemon=True)
        thread.start()
        deadline_s = time.monotonic() + _START_S
        while not serving.started:
            if not thread.is_alive() or time.monotonic() > deadline_s:
                raise StartError(f"The server on {host} did not start.")
            time.sleep(0.01)
        try:
            yield address(host, listening.getsockname()[1])
        finally:
            serving.should_exit = True
            thread.join()
