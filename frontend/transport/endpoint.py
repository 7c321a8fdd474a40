"""Answers the polls: an Engine.IO server beside the application, in the same process."""

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import engineio
from engineio.packet import NOOP, Packet
from engineio.payload import Payload
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse

from frontend import visitors
from frontend.asgi import AsgiApp, Message, Receive, Scope, Send
from frontend.transport.bridge import Bridge
from frontend.transport.frames import FrameError, Joiner, split
from frontend.transport.session_history import Past

PATH = "/_leukolens/transport/poll/"
STREAM_PATH = "/_stcore/stream"
PROTOCOLS_HEADER = "x-leukolens-protocols"
"""What a browser would send as ``Sec-WebSocket-Protocol``. A page of another site cannot set this header without
asking first, and is never allowed to: that keeps other sites from opening sessions with a reader's cookies."""
ORIGIN_HEADER = "x-leukolens-origin"
"""A browser names no ``Origin`` with a GET to its own site, and Streamlit wants one, to trust the sign-in cookie."""
PREVIOUS_HEADER = "x-leukolens-previous"
"""The session that this one follows after a lost connection: ended first, so that Streamlit hands its state on."""
UNKNOWN = "unknown"
"""Said of a previous session that this process never had, or has forgotten; of others, how many messages arrived."""

PING_INTERVAL_S = 20.0
"""A poll without news is answered at least this often: far under the 120 s at which App Runner cuts a request."""
PING_TIMEOUT_S = 45.0
"""For the browser's answer; long, for it may be taking a large message over a slow line."""
MAX_POLL_BYTES = 1_000_000
"""Of one request: nginx's default limit is 1 MiB."""
MAX_POLL_PACKETS = 64
"""Of one request, each of which is decoded before anything else is answered; ``polling.js`` sends 32 at most."""
SEPARATOR = b"\x1e"
"""Between the packets of a request (Engine.IO protocol 4)."""
MAX_QUERY_FIELDS = 20
"""Engine.IO's client sends five."""
WINDOW_BYTES = 4 * 1024 * 1024
"""Sent but not yet taken by the browser; beyond it the application waits."""


@dataclass(frozen=True)
class _Owner:
    """The browser that began a session: every poll, message and end must come from it, and its origin's page."""

    visitor: str
    origin: str

    def made(self, scope: Scope) -> bool:
        return visitors.is_visitor(scope, self.visitor) and visitors.is_from(scope, self.origin)


@dataclass
class _Session:
    bridge: Bridge
    joiner: Joiner
    sent_bytes: int = 0
    """Since the browser was last known to have taken everything."""
    arrived: int = 0
    """Whole messages of the browser that the application was given."""


class PollingEndpoint:
    """ASGI middleware: sessions by long polling at ``PATH``, each handed to the application as a websocket.

    Parameters
    ----------
    app : AsgiApp
        The application, which has a websocket route at ``STREAM_PATH``.
    max_message_bytes : int
        Of one message of a browser.
    """

    def __init__(self, app: AsgiApp, max_message_bytes: int) -> None:
        self._app = app
        self._max_message_bytes = max_message_bytes
        self._sessions: dict[str, _Session] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._past = Past()
        self._owners: dict[str, _Owner] = {}
        """By session, for as long as Engine.IO answers its polls: a little longer than the session itself."""
        Payload.max_decode_packets = MAX_POLL_PACKETS
        self._engine = engineio.AsyncServer(
            async_mode="asgi",
            transports=["polling"],
            allow_upgrades=False,
            async_handlers=False,  # in order, one after the other
            cors_allowed_origins=[],  # no word of CORS: other sites are kept out by PROTOCOLS_HEADER
            http_compression=False,  # base64 of compressed pictures: time spent for nothing
            ping_interval=PING_INTERVAL_S,
            ping_timeout=PING_TIMEOUT_S,
            max_http_buffer_size=MAX_POLL_BYTES,
        )
        self._engine.on("connect", self._connect)
        self._engine.on("message", self._message)
        self._engine.on("disconnect", self._disconnect)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a poll; hand everything else on."""
        if scope["type"] != "http" or not scope["path"].startswith(PATH):
            await self._app(scope, receive, send)
            return
        if refusal := self._refusal(scope):
            await refusal(scope, receive, send)
            return
        try:
            body = await _read(receive)
        except ClientDisconnect:
            return  # cut midway: what came of it must not pass for the whole
        if body is None:
            await PlainTextResponse("Too large", 413)(scope, receive, send)
            return
        if scope["method"] == "POST" and not _well_formed(body):
            # Engine.IO would answer 200, and go on without what it could not read.
            self._hang_up(_query(scope)["sid"][0])
            await PlainTextResponse("Not packets", 400)(scope, receive, send)
            return
        await self._engine.handle_request(_with_length(scope, body), _replay(body, receive), _uncached(send))

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        """Refuse, unread, what does not come from a session's own browser.

        Engine.IO knows a session by its id alone, which stands in addresses and so in the logs of proxies.
        """
        try:
            query = _query(scope)
        except ValueError:
            return PlainTextResponse("Too many query fields", 400)
        if scope["method"] not in ("GET", "POST") or "j" in query:  # j: JSONP, made for other sites' pages
            return PlainTextResponse("Not taken", 405)
        if "sid" not in query:
            return None if scope["method"] == "GET" else PlainTextResponse("No session", 400)
        owner = self._owners.get(query["sid"][0])
        if owner is None or query["sid"][0] not in self._engine.sockets:
            return PlainTextResponse("Unknown session", 400)
        return None if owner.made(scope) else PlainTextResponse("Not this browser's session", 403)

    async def _connect(self, sid: str, environ: dict[str, Any]) -> bool:
        scope: Scope = environ["asgi.scope"]
        headers = Headers(scope=scope)
        owner = _Owner(visitors.visitor_of(scope), headers.get(ORIGIN_HEADER, ""))
        if PROTOCOLS_HEADER not in headers or not owner.made(scope):
            return False
        for gone in self._owners.keys() - self._engine.sockets.keys():
            del self._owners[gone]
        self._owners[sid] = owner
        self._past.begin(sid, owner.visitor)
        if previous := headers.get(PREVIOUS_HEADER):
            await self._take_over(previous, sid, owner.visitor)
        bridge = Bridge(
            self._app, websocket_scope(scope), lambda message: self._deliver(sid, message), lambda: self._hang_up(sid)
        )
        self._sessions[sid] = _Session(bridge, Joiner(self._max_message_bytes))
        accepted = await bridge.open()
        if not accepted:
            self._sessions.pop(sid, None)
        return accepted

    async def _take_over(self, previous: str, sid: str, visitor: str) -> None:
        """End the session that this one follows, and tell the browser how many of its messages arrived there.

        What it had sent beyond them is lost, a click perhaps: it sends that again. The word is the only text of a
        session, and comes before anything of the application. Of another browser's session nothing is told or ended.
        """
        if self._past.visitor(previous) != visitor:
            await self._engine.send(sid, UNKNOWN)
            return
        await self._end(previous)
        # The answer to an earlier handshake may itself have been lost: nobody has ever used that session.
        await self._end(self._past.follower(previous))
        self._past.follow(previous, sid)
        arrived = self._past.arrived(previous)
        await self._engine.send(sid, UNKNOWN if arrived is None else str(arrived))

    async def _message(self, sid: str, part: bytes | str) -> None:
        session = self._sessions.get(sid)
        if session is None:
            return
        try:
            message = session.joiner.take(part)
        except FrameError:
            self._hang_up(sid)
            return
        if message is not None:
            await session.bridge.take(message)
            session.arrived += 1

    async def _disconnect(self, sid: str, reason: str) -> None:
        await self._end(sid)
        socket = self._engine.sockets.get(sid)
        if socket is not None and reason == self._engine.reason.CLIENT_DISCONNECT:
            # Its poll may still be open: Engine.IO would leave it so until the next ping.
            await socket.queue.put(Packet(NOOP))

    async def _end(self, sid: str | None) -> None:
        session = self._sessions.get(sid or "")
        if session is not None:
            # Known until it has ended: whoever follows it must wait, too, although it was told before.
            await session.bridge.close()
            self._sessions.pop(sid or "", None)
            self._past.end(sid or "", session.arrived)

    async def _deliver(self, sid: str, message: bytes) -> None:
        session, socket = self._sessions.get(sid), self._engine.sockets.get(sid)
        if session is None or socket is None or socket.closed:
            raise OSError("the browser is gone")
        for part in split(message):
            if session.sent_bytes + len(part) > WINDOW_BYTES:
                await socket.queue.join()
                session.sent_bytes = 0
            await self._engine.send(sid, part)
            session.sent_bytes += len(part)

    def _hang_up(self, sid: str) -> None:
        """End a session from this side, without waiting for the browser."""
        task = asyncio.create_task(self._part(sid), name="polled-session-end")
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _part(self, sid: str) -> None:
        socket = self._engine.sockets.get(sid)
        if socket is not None and not socket.closed:
            await socket.close(wait=False)
        await self._end(sid)


def websocket_scope(scope: Scope) -> Scope:
    """Describe the handshake of a polled session as that of a websocket.

    Parameters
    ----------
    scope : Scope
        HTTP scope of the first poll, with the headers of ``static/polling.js``.

    Returns
    -------
    Scope
        Websocket scope for ``STREAM_PATH``: same cookies, host and client.
    """
    received = Headers(scope=scope)
    headers = MutableHeaders(raw=list(scope["headers"]))
    for name in (PROTOCOLS_HEADER, ORIGIN_HEADER, PREVIOUS_HEADER, "content-length", "content-type"):
        del headers[name]
    protocols = received[PROTOCOLS_HEADER]
    headers["sec-websocket-protocol"] = protocols
    if "origin" not in headers and ORIGIN_HEADER in received:
        headers["origin"] = received[ORIGIN_HEADER]
    return {
        **{name: scope[name] for name in ("asgi", "http_version", "client", "server", "root_path") if name in scope},
        "type": "websocket",
        "scheme": "wss" if scope.get("scheme") == "https" else "ws",
        "path": STREAM_PATH,
        "raw_path": STREAM_PATH.encode(),
        "query_string": b"",
        "headers": headers.raw,
        "subprotocols": [protocol.strip() for protocol in protocols.split(",")],
        "state": dict(scope.get("state", {})),
        "extensions": {},
    }


def _query(scope: Scope) -> dict[str, list[str]]:
    """Read the query; raises ``ValueError`` for too many fields."""
    return parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=MAX_QUERY_FIELDS)


def _well_formed(body: bytes) -> bool:
    """Tell whether a body is packets, and few enough: counted before any is decoded."""
    if body.startswith(b"d=") or body.count(SEPARATOR) >= MAX_POLL_PACKETS:  # d=: JSONP
        return False
    try:
        Payload(encoded_payload=body.decode())
    except (ValueError, KeyError, IndexError):
        return False
    return True


async def _read(receive: Receive) -> bytes | None:
    """Read a request's body, or None where it is over ``MAX_POLL_BYTES``; raises ``ClientDisconnect``."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > MAX_POLL_BYTES:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _with_length(scope: Scope, body: bytes) -> Scope:
    """Name the length of the body: a proxy may send it in chunks, without one, and Engine.IO goes by the header."""
    headers = MutableHeaders(raw=list(scope["headers"]))
    headers["content-length"] = str(len(body))
    return {**scope, "headers": headers.raw}


def _replay(body: bytes, receive: Receive) -> Receive:
    """Give a body that was read already, then what comes after it."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


def _uncached(send: Send) -> Send:
    """Forbid caches to keep an answer."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(raw=message["headers"])["cache-control"] = "no-store"
        await send(message)

    return sending
