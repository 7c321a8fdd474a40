"""Writes our scripts into the page's HTML: what loads it again where it did not arrive whole, and the transport."""

import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from frontend.asgi import AsgiApp, Message, Receive, Scope, Send
from frontend.settings import Transport

STATIC = Path(__file__).resolve().parent / "static"
FILES = ("engine.io.min.js", "polling.js")
"""In the order in which they run; engine.io.min.js is the npm package's own file, unchanged."""
URL = "/_leukolens/transport/static"
WHOLE = f"<script>{(STATIC / 'whole.js').read_text('utf-8')}</script>"
"""In the page itself, ahead of all others: it must be there where they are not."""
BEFORE = b"<title>"
"""Ahead of Streamlit's own script, which opens the connection."""
YEAR_S = 31_536_000


def routes() -> list[Route]:
    """Serve the script's files; their addresses carry their hash, so a browser may keep them."""
    return [Route(f"{URL}/{name}", _serving(name)) for name in FILES]


def tags(mode: Transport) -> bytes:
    """Write the HTML that loads the scripts.

    Parameters
    ----------
    mode : Transport
        What the transport's script shall do.

    Returns
    -------
    bytes
        Script elements; none of the transport for ``websocket``.
    """
    elements = [WHOLE]
    if mode != "websocket":
        elements += [f'<script src=".{URL}/{name}?v={_version(name)}" data-mode="{mode}"></script>' for name in FILES]
    return "\n    ".join(elements).encode() + b"\n    "


class ScriptInjection:
    """ASGI middleware: writes the scripts into every HTML page.

    Parameters
    ----------
    app : AsgiApp
        What serves the pages.
    mode : Transport
        What the transport's script shall do.
    """

    def __init__(self, app: AsgiApp, mode: Transport) -> None:
        self._app = app
        self._tags = tags(mode)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the scripts in it."""
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        await self._app(_whole(scope), receive, _Rewriter(send, self._tags))


class _Rewriter:
    """Holds an HTML answer until it is whole; passes any other through."""

    def __init__(self, send: Send, insert: bytes) -> None:
        self._send = send
        self._insert = insert
        self._start: Message | None = None
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_html(message):
            self._start = message
        elif self._start is None:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._finish()

    async def _finish(self) -> None:
        assert self._start is not None  # noqa: S101 - set before any body of this kind
        body = bytes(self._body).replace(BEFORE, self._insert + BEFORE, 1)
        headers = MutableHeaders(raw=self._start["headers"])
        if self._body:
            headers["content-length"] = str(len(body))
        # They describe the file, not what is sent: a browser would keep a page of another mode by them.
        del headers["etag"]
        del headers["last-modified"]
        await self._send(self._start)
        await self._send({"type": "http.response.body", "body": body, "more_body": False})


def _whole(scope: Scope) -> Scope:
    """Request pages plain and in full: neither compressed, nor "not modified" by the file they are made from."""
    if not _may_be_page(scope["path"]):
        return scope
    headers = MutableHeaders(raw=list(scope["headers"]))
    for name in ("accept-encoding", "if-none-match", "if-modified-since", "range"):
        del headers[name]
    return {**scope, "headers": headers.raw}


def _may_be_page(path: str) -> bool:
    """Tell addresses that Streamlit may answer with its HTML from those of its files."""
    return not path.startswith(("/static/", "/_stcore/", "/media/", "/component/", URL))


def _is_html(start: Message) -> bool:
    return MutableHeaders(raw=start["headers"]).get("content-type", "").startswith("text/html")


def _version(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:16]


def _serving(name: str) -> Callable[[Request], Awaitable[Response]]:
    content = (STATIC / name).read_bytes()

    async def serve(_: Request) -> Response:
        cache = {"cache-control": f"public, max-age={YEAR_S}, immutable"}
        return Response(content, media_type="text/javascript", headers=cache)

    return serve
