"""Stands before the API and lets so many images pass, and the others when it is told to."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import httpx

PREDICTIONS = "/v1/predictions"

_LASTING = {"transfer-encoding", "connection", "content-length", "content-encoding", "date", "server"}
"""Headers that are of one connection, or that this server sets itself."""


class Gate(ThreadingHTTPServer):
    """A reverse proxy; ``address`` is where it listens."""

    daemon_threads = True

    def __init__(self, api: str, images: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.address = f"http://127.0.0.1:{self.server_address[1]}"
        self.upstream = httpx.Client(base_url=api, timeout=None, trust_env=False)
        self._left = threading.Semaphore(images)

    def open(self, images: int) -> None:
        """Let so many more pass."""
        self._left.release(images)

    def wait(self) -> None:
        """Wait until one may pass."""
        self._left.acquire()


class _Handler(BaseHTTPRequestHandler):
    server: Gate

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.command == "POST" and urlsplit(self.path).path == PREDICTIONS:
            self.server.wait()  # a report is no image: it passes
        headers = {name: value for name, value in self.headers.items() if name.lower() not in {"host", *_LASTING}}
        try:
            answer = self.server.upstream.request(self.command, self.path, content=body, headers=headers)
        except httpx.TransportError:
            self.close_connection = True  # the API is gone, and the caller sees what it would have seen itself
            return
        self.send_response(answer.status_code)
        for name, value in answer.headers.items():
            if name.lower() not in _LASTING:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    do_GET = do_POST = _forward  # noqa: N815 - as the library calls them

    def log_message(self, format: str, *values: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@contextlib.contextmanager
def gate(api: str, images: int) -> Iterator[Gate]:
    """Run a gate before an API, which lets so many images pass."""
    with Gate(api, images) as standing:
        thread = threading.Thread(target=standing.serve_forever)
        thread.start()
        try:
            yield standing
        finally:
            standing.shutdown()
            thread.join()
            standing.upstream.close()
