"""An ASGI application that stands where API Gateway and Lambda stand: HTTP in, one handler call, HTTP out.

The handler sees the event that it sees on AWS, and one call at a time, as one Lambda environment does.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive, Scope, Send

from api.schemas import PROBLEM_TYPE_PREFIX, Problem

from .answer import HttpAnswer, InvalidAnswerError, http_answer
from .body import BodyTooLargeError, discard_body, read_body
from .context import LambdaContext
from .event import http_event

Handler = Callable[[dict[str, Any], Any], Any]

# Lambda's limit on the payload of a synchronous call, which an HTTP API's 10 MB never reaches:
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_EVENT_BYTES = 6 * 1024 * 1024
TIMEOUT_S = 30.0  # an HTTP API's, at most
MAX_WAITING = 200  # each may hold MAX_EVENT_BYTES
MAX_READING = 1_000
"""Requests whose body is on its way; those that trickle hold next to nothing, and keep nobody from being answered."""
MIN_BYTES_S = 10_000
"""A body that comes slower than this after ``GRACE_S`` is given up."""
GRACE_S = 5.0

_TOO_LARGE = "A request may hold about 4.5 MB of image; send a larger one through POST /v1/uploads."
# The service's own names (api/errors.py) where it has one.
_NAMES = {
    400: "invalid-request",
    403: "not-allowed",
    404: "not-found",
    405: "method-not-allowed",
    408: "request-timeout",
    411: "length-required",
    413: "too-large",
    421: "wrong-host",
    429: "too-many-requests",
    500: "internal",
    503: "timeout",
}
_FRAMING = frozenset({"content-length", "transfer-encoding"})  # the server's business
_NO_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})

_logger = logging.getLogger(__name__)


class Gateway:
    """Serves one Lambda handler over HTTP.

    Parameters
    ----------
    handler
        Called as Lambda calls it, in a thread of its own.
    timeout_s
        For reading a request's body, and again for answering it, the wait for its turn included.
    max_waiting
        Requests accepted at a time; the next one gets a 429.
    """

    def __init__(self, handler: Handler, *, timeout_s: float = TIMEOUT_S, max_waiting: int = MAX_WAITING) -> None:
        self._handler = handler
        self._timeout_s = timeout_s
        self._max_waiting = max_waiting
        self._waiting = 0
        self._reading = 0
        # One thread: a Lambda environment answers one request at a time, and handlers are written for that.
        self._environment = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lambda")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request; a WebSocket is refused."""
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1003, "reason": "this API speaks HTTP only"})
            return
        request = Request(scope, receive)
        if self._reading >= MAX_READING or self._waiting >= self._max_waiting:
            await _refuse(request, send, 429, "Too many requests are waiting; try again.")
            return
        self._reading += 1
        try:
            body = await self._read(request, send)
        finally:
            self._reading -= 1
        if body is None:
            return
        # A place in the queue is taken by a whole request alone: nobody holds one by sending slowly.
        if self._waiting >= self._max_waiting:
            await _send(problem(429, "Too many requests are waiting; try again."), send)
            return
        self._waiting += 1
        try:
            # Through JSON, as on AWS: its size is what Lambda limits, and it carries nothing that JSON cannot.
            payload = json.dumps(_event(request, body))
            answer = problem(413, _TOO_LARGE) if len(payload) > MAX_EVENT_BYTES else await self._answer(payload)
        finally:
            self._waiting -= 1
        await _send(answer, send)

    def close(self) -> None:
        """Wait for the call that is running, and take no more."""
        self._environment.shutdown(wait=True, cancel_futures=True)

    async def _read(self, request: Request, send: Send) -> bytes | None:
        """Read a body, or refuse its request."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await read_body(request, MAX_EVENT_BYTES, MIN_BYTES_S, GRACE_S)
        except ClientDisconnect:
            return None
        except BodyTooLargeError:
            await _refuse(request, send, 413, _TOO_LARGE)
        except TimeoutError:
            await _refuse(request, send, 408, f"The body came too slowly: at least {MIN_BYTES_S} bytes a second.")
        return None

    async def _answer(self, payload: str) -> HttpAnswer:
        try:
            async with asyncio.timeout(self._timeout_s):
                return await asyncio.get_running_loop().run_in_executor(self._environment, self._invoke, payload)
        except TimeoutError:
            return problem(503, f"There was no answer within {self._timeout_s:g} s.")

    def _invoke(self, payload: str) -> HttpAnswer:
        try:
            return http_answer(self._handler(json.loads(payload), LambdaContext(self._timeout_s)))
        except InvalidAnswerError:
            _logger.exception("The handler's answer is not one that API Gateway takes")
        except Exception:
            _logger.exception("The handler raised")
        return problem(500, "The service failed; its log says why.")


def _event(request: Request, body: bytes) -> dict[str, Any]:
    scope = request.scope
    return http_event(
        scope["method"],
        scope["raw_path"].decode("latin-1"),
        scope["query_string"].decode("latin-1"),
        [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]],
        body,
        source_ip=request.client.host if request.client else "127.0.0.1",
        protocol=f"HTTP/{scope['http_version']}",
    )


def problem(status: int, detail: str) -> HttpAnswer:
    """Describe an error of the gateway's own, in the service's form."""
    described = Problem(
        type=PROBLEM_TYPE_PREFIX + _NAMES.get(status, "not-taken"),
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
    )
    headers = [("content-type", "application/problem+json"), ("cache-control", "no-store")]
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        headers.append(("retry-after", "1"))
    return HttpAnswer(status, headers, described.model_dump_json(exclude_none=True).encode("utf-8"))


async def _refuse(request: Request, send: Send, status: int, detail: str) -> None:
    """Answer a request whose body is not read: send the answer, discard the rest of the body, then close."""
    answer = problem(status, detail)
    answer.headers.append(("connection", "close"))
    await send(_start(answer))
    await send({"type": "http.response.body", "body": answer.body, "more_body": True})
    await discard_body(request)
    await send({"type": "http.response.body", "body": b""})


async def _send(answer: HttpAnswer, send: Send) -> None:
    await send(_start(answer))
    await send({"type": "http.response.body", "body": answer.body})


def _start(answer: HttpAnswer) -> Message:
    headers = [(name, value) for name, value in answer.headers if name not in _FRAMING]
    if answer.status not in _NO_BODY:
        headers.append(("content-length", str(len(answer.body))))
    raw = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers]
    return {"type": "http.response.start", "status": answer.status, "headers": raw}
