"""Lets browsers in: how many sessions at a time, whose each one is, and which may hold images.

Streamlit knows a session by its id alone, which stands in the address of every upload and is taken at its word when a
browser connects again. Here each belongs to the browser that began it (``frontend.visitors``).
"""

import asyncio
import contextlib
import secrets
import time
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import Any

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from frontend import visitors
from frontend.asgi import AsgiApp, Message, Receive, Scope, Send

STREAM_PATH = "/_stcore/stream"
CLOSED_PATHS = frozenset({"/_stcore/metrics", "/_stcore/script-health-check"})
"""Of Streamlit, for whoever runs a server; they tell of all sessions, and anybody could read them."""
AGENTS = "/_stcore/agent/"
"""Below it a setting of Streamlit's lets programs drive the page, past every limit here."""
CONNECTION_HEADER = "x-leukolens-connection"
"""Tells the page's script which connection it runs for; one that a browser sends is dropped."""
TRY_LATER = 1013
"""Close code (IANA's WebSocket registry)."""
GONE = 1001
REMEMBERED_SESSIONS = 5_000
"""Far more than a process holds; each costs some 300 bytes."""


@dataclass(frozen=True)
class Limits:
    """How many connections there may be at a time.

    Attributes
    ----------
    connections
        Of the whole process. A session of 500 photographs takes some 130 MB (docs/benchmarks.md); an empty one, 1 MB.
    by_address, by_visitor
        Of one network address, where a whole hospital may be, and of one browser's tabs.
    strangers
        Of people who have not signed in: one more ends the oldest, so that nobody is kept out by those who only wait.
    stranger_s
        Seconds for signing in.
    """

    connections: int = 200
    by_address: int = 100
    by_visitor: int = 20
    strangers: int = 40
    stranger_s: float = 600.0


@dataclass
class Connection:
    """One open websocket, or what stands for it."""

    visitor: str
    address: str
    origin: str
    opened_s: float = field(default_factory=time.monotonic)
    admitted: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True)
class Owner:
    """The browser that a session of Streamlit belongs to, and whether it may hold images."""

    visitor: str
    origin: str
    admitted: bool


_connections: dict[str, Connection] = {}
_owners: OrderedDict[str, Owner] = OrderedDict()
"""By session; the one that ran longest ago is forgotten first."""


def claim(*, admitted: bool) -> None:
    """Note, from the page's script, which browser its session belongs to.

    Parameters
    ----------
    admitted : bool
        Whether the reader has signed in, or need not.
    """
    context = get_script_run_ctx()
    if context is None or not runtime.exists():
        return
    connection = _connections.get(st.context.headers.get(CONNECTION_HEADER) or "")
    if connection is not None:
        connection.admitted = connection.admitted or admitted
        own(context.session_id, Owner(connection.visitor, connection.origin, connection.admitted))


def own(session_id: str, owner: Owner) -> None:
    """Note which browser a session belongs to."""
    _owners[session_id] = owner
    _owners.move_to_end(session_id)
    while len(_owners) > REMEMBERED_SESSIONS:
        _owners.popitem(last=False)


def owner_of(session_id: str) -> Owner | None:
    """Give the owner of a session; None before its script has run."""
    return _owners.get(session_id)


def origin() -> str:
    """Give the origin of the page whose script runs; empty where its browser named none."""
    context = get_script_run_ctx()
    owner = owner_of(context.session_id) if context is not None else None
    return owner.origin if owner is not None else ""


class Gate:
    """ASGI middleware: bounds the connections, and lets a browser go on with its own sessions alone.

    Parameters
    ----------
    app : AsgiApp
        Streamlit.
    limits : Limits
        How many at a time.
    proxies : int
        Of ours in front of this server; each adds to ``X-Forwarded-For`` whom it speaks to.
    """

    def __init__(self, app: AsgiApp, limits: Limits | None = None, proxies: int = 0) -> None:
        self._app = app
        self._limits = limits or Limits()
        self._proxies = proxies
        self._open: dict[str, Connection] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a connection in, or refuse it."""
        if scope["type"] == "http" and _is_closed(scope["path"]):
            await PlainTextResponse("Not found", 404)(scope, receive, send)
        elif scope["type"] == "websocket" and scope["path"] == STREAM_PATH:
            await self._connect(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = Headers(scope=scope).get("origin", "")
        connection = Connection(visitors.visitor_of(scope), address_of(scope, self._proxies), origin)
        if not visitors.is_from(scope, origin) or not self._has_room(connection):
            await receive()  # websocket.connect
            await send({"type": "websocket.close", "code": TRY_LATER})
            return
        number = secrets.token_urlsafe(16)
        self._open[number] = _connections[number] = connection
        self._make_way()
        receiving = _Receiving(receive, connection, self._limits.stranger_s)
        try:
            await self._app(_known_scope(scope, number, connection.visitor), receiving, send)
            if receiving.cut:
                with contextlib.suppress(Exception):  # it may be closed by now, which is as well
                    await send({"type": "websocket.close", "code": GONE})
        finally:
            receiving.end()
            del self._open[number], _connections[number]

    def _has_room(self, new: Connection) -> bool:
        connections = list(self._open.values())
        addresses = Counter(connection.address for connection in connections)
        tabs = sum(connection.visitor == new.visitor for connection in connections) if new.visitor else 0
        limits = self._limits
        return (
            len(connections) < limits.connections
            and addresses[new.address] < limits.by_address
            and tabs < limits.by_visitor
        )

    def _make_way(self) -> None:
        """End the connections that have waited longest to be let in, if more than may are waiting."""
        waiting = [
            connection for connection in self._open.values() if not (connection.admitted or connection.over.is_set())
        ]
        for connection in waiting[: max(0, len(waiting) - self._limits.strangers)]:
            connection.over.set()


class _Receiving:
    """Hands the browser's messages on, until the connection is to end."""

    def __init__(self, receive: Receive, connection: Connection, stranger_s: float) -> None:
        self._receive = receive
        self._connection = connection
        self._until_s = connection.opened_s + stranger_s
        self._next: asyncio.Future[Message] | None = None
        self._over = asyncio.ensure_future(connection.over.wait())
        self.cut = False

    async def __call__(self) -> Message:
        if self._next is None:
            self._next = asyncio.ensure_future(self._receive())
        while not (self._next.done() or self._over.done()):
            # Who has signed in meanwhile is waited for without an end.
            left_s = None if self._connection.admitted else self._until_s - time.monotonic()
            if left_s is not None and left_s <= 0:
                break
            either: set[asyncio.Future[Any]] = {self._next, self._over}
            await asyncio.wait(either, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
        if not self._next.done():
            self.cut = True
            return {"type": "websocket.disconnect", "code": GONE}
        message, self._next = self._next.result(), None
        return message

    def end(self) -> None:
        for task in (self._next, self._over):
            if task is not None:
                task.cancel()


def address_of(scope: Scope, proxies: int) -> str:
    """Give the network address of the browser.

    Parameters
    ----------
    scope : Scope
        Of the request.
    proxies : int
        In front of this server; what stands further left in ``X-Forwarded-For`` anybody may have written.
    """
    forwarded = [
        address.strip() for address in Headers(scope=scope).get("x-forwarded-for", "").split(",") if address.strip()
    ]
    if proxies and len(forwarded) >= proxies:
        return forwarded[-proxies]
    client = scope.get("client")
    return str(client[0]) if client else ""


def _is_closed(path: str) -> bool:
    return path in CLOSED_PATHS or path.startswith(AGENTS)


def _known_scope(scope: Scope, number: str, visitor: str) -> Scope:
    """Name the connection, and take out an earlier session that is not this browser's.

    The third of Streamlit's subprotocols names the session that a browser would go on with.
    """
    headers = MutableHeaders(raw=list(scope["headers"]))
    headers[CONNECTION_HEADER] = number
    protocols = [protocol.strip() for protocol in headers.get("sec-websocket-protocol", "").split(",")]
    if len(protocols) > 2:
        owner = owner_of(protocols[2])
        if owner is None or not owner.visitor or not secrets.compare_digest(owner.visitor, visitor):
            protocols = protocols[:2]
            headers["sec-websocket-protocol"] = ", ".join(protocols)
    return {**scope, "headers": headers.raw, "subprotocols": list(filter(None, protocols))}
