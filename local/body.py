"""Reads request bodies up to a limit, and never beyond."""

import asyncio
import contextlib

from starlette.requests import ClientDisconnect, Request

# Enough for a client to finish sending what it had under way and read the refusal; then the connection closes.
DISCARD_BYTES = 64_000_000
DISCARD_S = 10.0


class BodyTooLargeError(Exception):
    """The body is over the limit; the rest of it is still to come."""


async def read_body(
    request: Request, limit_bytes: int, min_bytes_s: float = 0.0, grace_s: float = float("inf")
) -> bytes:
    """Read the whole body of a request.

    Parameters
    ----------
    request
        Of which nothing was read.
    limit_bytes
        Of the body.
    min_bytes_s, grace_s
        The average that it must come at, once it has taken ``grace_s`` seconds.

    Raises
    ------
    BodyTooLargeError
        As soon as the announced or the received size is over ``limit_bytes``.
    ClientDisconnect
        When the client went away before its body was complete.
    TimeoutError
        When the body comes too slowly.
    """
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit_bytes:
        raise BodyTooLargeError
    body = bytearray()
    async with asyncio.timeout(None) as deadline:
        if grace_s < float("inf"):
            deadline.reschedule(started_s + grace_s)
        async for chunk in request.stream():
            if len(body) + len(chunk) > limit_bytes:
                raise BodyTooLargeError
            body += chunk
            if min_bytes_s > 0:
                deadline.reschedule(started_s + grace_s + len(body) / min_bytes_s)
    return bytes(body)


async def discard_body(request: Request) -> None:
    """Receive and forget what the client still sends, for a bounded time and size.

    A server that closes a socket with unread bytes in it resets the connection, and the client may then lose the
    answer that it was sent.
    """
    if request.headers.get("expect", "").lower() == "100-continue":
        return  # it waits for a word to send the body, and does not get one
    left = DISCARD_BYTES
    with contextlib.suppress(ClientDisconnect, TimeoutError):
        async with asyncio.timeout(DISCARD_S):
            while left > 0:
                message = await request.receive()
                left -= len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
