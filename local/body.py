"""Request bodies read up to a limit, and never beyond."""

import asyncio
import contextlib

from starlette.requests import ClientDisconnect, Request

# Enough for a client to finish sending what it had under way and read the refusal; then the connection closes.
DISCARD_BYTES = 64_000_000
DISCARD_S = 10.0


class BodyTooLargeError(Exception):
    """The body is over the limit; the rest of it is still to come."""


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """Read a whole body.

    Raises
    ------
    BodyTooLargeError
        As soon as the announced or the received size is over ``limit_bytes``.
    ClientDisconnect
        When the client went away before its body was complete.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit_bytes:
        raise BodyTooLargeError
    body = bytearray()
    async for chunk in request.stream():
        if len(body) + len(chunk) > limit_bytes:
            raise BodyTooLargeError
        body += chunk
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
