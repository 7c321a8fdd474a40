"""AWS Lambda's Runtime API on this machine: what the runtime client in the image polls for its next event.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. One server stands for one function; ``POST /`` with an
event on the same port invokes it, which is what the emulator's Lambda proxy calls.
"""

import contextlib
import json
import queue
import threading
import time
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

_PREFIX = "/2018-06-01/runtime/"
_POLL_S = 0.2


class FunctionError(Exception):
    """The function did not answer: it raised, never started, or took too long."""


@dataclass
class _Invocation:
    event: bytes
    deadline_ms: int
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    answer: bytes = b""
    error: str | None = None
    done: threading.Event = field(default_factory=threading.Event)


class RuntimeApi:
    """Hands events to whichever runtime client polls, and its answers back.

    Parameters
    ----------
    function_name
        Goes into the ARN that the function sees.
    port
        0 takes a free one.
    """

    def __init__(self, function_name: str, port: int = 0) -> None:
        self.function_name = function_name
        self._waiting: queue.Queue[_Invocation] = queue.Queue()
        self._running: dict[str, _Invocation] = {}
        self._closing = threading.Event()
        self._init_error: str | None = None
        self._generation = 0
        self._ready = threading.Event()
        self._server = _Server(("127.0.0.1", port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, name=f"runtime {function_name}", daemon=True)

    @property
    def address(self) -> str:
        """``host:port``, for ``AWS_LAMBDA_RUNTIME_API``."""
        return "{}:{}".format(*self._server.server_address[:2])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def invoke(self, event: dict[str, Any], timeout_s: float = 30.0) -> Any:
        """Invoke the function and wait for its answer.

        Raises
        ------
        FunctionError
            With the error that the function reported.
        """
        return json.loads(self.invoke_raw(json.dumps(event).encode(), timeout_s))

    def invoke_raw(self, event: bytes, timeout_s: float) -> bytes:
        """Invoke the function with an event that is JSON already, and give its answer as JSON."""
        if self._init_error:
            raise FunctionError(self._init_error)
        invocation = _Invocation(event, int((time.time() + timeout_s) * 1000))
        self._waiting.put(invocation)
        if not invocation.done.wait(timeout_s):
            raise FunctionError(f"{self.function_name} gave no answer in {timeout_s:g} s")
        if invocation.error is not None:
            raise FunctionError(invocation.error)
        return invocation.answer

    def forget_pollers(self) -> None:
        """Give no event to whoever polls now, since it has ended; who polls from now on gets the next."""
        self._generation += 1
        self._ready.clear()

    def wait_until_ready(self, timeout_s: float) -> None:
        """Wait until the function has initialised and asks for an event, as Lambda does without counting that time.

        Raises
        ------
        FunctionError
            If it could not start, or not in time.
        """
        if not self._ready.wait(timeout_s):
            raise FunctionError(f"{self.function_name} did not start in {timeout_s:g} s")
        if self._init_error:
            raise FunctionError(self._init_error)

    def take(self) -> _Invocation | None:
        """Wait for the next event; ``None`` when the server closes or the poller is forgotten first."""
        generation = self._generation
        self._ready.set()
        while not self._closing.is_set() and generation == self._generation:
            try:
                invocation = self._waiting.get(timeout=_POLL_S)
            except queue.Empty:
                continue
            if generation != self._generation:
                self._waiting.put(invocation)
                break
            self._running[invocation.id] = invocation
            return invocation
        return None

    def finish(self, request_id: str, kind: str, body: bytes) -> bool:
        """Take a ``response`` or an ``error``; false where no such request runs."""
        invocation = self._running.pop(request_id, None)
        if invocation is None:
            return False
        if kind == "response":
            invocation.answer = body
        else:
            invocation.error = body.decode("utf-8", "replace")
        invocation.done.set()
        return True

    def refuse(self, reason: str) -> None:
        """Take the runtime's word that it could not start; every event is answered with it."""
        self._init_error = reason
        self._ready.set()
        while not self._waiting.empty():
            invocation = self._waiting.get_nowait()
            invocation.error = reason
            invocation.done.set()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], api: RuntimeApi) -> None:
        self.api = api
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        if self.path != f"{_PREFIX}invocation/next":
            self._reply(404)
            return
        invocation = self.server.api.take()
        if invocation is None:
            self.close_connection = True
            return
        name = self.server.api.function_name
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.id,
            "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": f"arn:aws:lambda:us-east-1:000000000000:function:{name}",
        }
        self._reply(200, invocation.event, headers)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/":
            self._invoke(body)
        elif self.path == f"{_PREFIX}init/error":
            self.server.api.refuse(body.decode("utf-8", "replace"))
            self._reply(202)
        else:
            request_id, _, kind = self.path.removeprefix(f"{_PREFIX}invocation/").partition("/")
            self._reply(202 if self.server.api.finish(request_id, kind, body) else 404)

    def _invoke(self, event: bytes) -> None:
        deadline_ms = self.headers.get("X-Amzn-Lambda-Deadline-Ms")
        timeout_s = max(1.0, int(deadline_ms) / 1000 - time.time()) if deadline_ms else 30.0
        try:
            status, answer = 200, self.server.api.invoke_raw(event, timeout_s)
        except FunctionError as error:
            status, answer = 502, json.dumps({"errorMessage": str(error)}).encode()
        with contextlib.suppress(BrokenPipeError):  # who asked has given up
            self._reply(status, answer)

    def _reply(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Say nothing: the steps report."""
