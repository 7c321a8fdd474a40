"""Knows a browser again by a random cookie, which no script and no other site can read."""

import re
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection

from frontend.asgi import AsgiApp, Message, Receive, Scope, Send

COOKIE = "leukolens_visitor"
SECURE_COOKIE = f"__Host-{COOKIE}"
"""Behind https: a browser takes this name only with Secure, from this host itself, for every path (RFC 6265bis)."""
TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
"""What ``secrets.token_urlsafe(32)`` gives."""
NOT_PAGES = (
    "/static/",
    "/_stcore/",
    "/media/",
    "/component/",
    "/_leukolens/transport/static/",
    "/_leukolens/static/",
    "/_leukolens/workplace/",
)
"""Addresses of files, of which none begins a visit."""


def is_https(scope: Scope) -> bool:
    """Tell whether the browser speaks https: to this server, or to a proxy before it."""
    forwarded = Headers(scope=scope).get("x-forwarded-proto", "")
    return scope.get("scheme") in ("https", "wss") or forwarded.split(",")[0].strip() == "https"


def visitor_of(scope: Scope) -> str:
    """Give the browser's token; empty for a browser without one.

    Parameters
    ----------
    scope : Scope
        Of an HTTP request or a websocket.

    Returns
    -------
    str
        43 characters, or none.
    """
    token = HTTPConnection(scope).cookies.get(_name(scope), "")
    return token if TOKEN.fullmatch(token) else ""


def is_visitor(scope: Scope, visitor: str) -> bool:
    """Tell whether a request comes from this very browser; never for an empty token."""
    return bool(visitor) and secrets.compare_digest(visitor_of(scope), visitor)


def is_from(scope: Scope, origin: str) -> bool:
    """Tell whether a request was made by a page of this origin, as far as its browser says.

    A browser names the origin of everything but a plain GET, and where it knows ``Sec-Fetch-Site`` of that, too.
    """
    headers = Headers(scope=scope)
    return headers.get("sec-fetch-site", "same-origin") == "same-origin" and headers.get("origin", origin) == origin


class VisitorCookie:
    """ASGI middleware: gives a browser its cookie with its first page, and what comes after it in this request sees it.

    Parameters
    ----------
    app : AsgiApp
        What answers.
    """

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, with the cookie where there was none."""
        if not _begins(scope) or visitor_of(scope):
            await self._app(scope, receive, send)
            return
        token = secrets.token_urlsafe(32)
        pair = f"{_name(scope)}={token}"
        secure = "; Secure" if is_https(scope) else ""
        set_cookie = f"{pair}; Path=/; HttpOnly; SameSite=Lax{secure}".encode()

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"set-cookie", set_cookie)]
            await send(message)

        await self._app({**scope, "headers": _with_cookie(scope, pair)}, receive, sending)


def _begins(scope: Scope) -> bool:
    """Tell a page, or the first poll of a session, from what follows them."""
    if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD") or scope["path"].startswith(NOT_PAGES):
        return False
    return b"sid=" not in scope.get("query_string", b"")


def _with_cookie(scope: Scope, pair: str) -> list[tuple[bytes, bytes]]:
    headers = MutableHeaders(raw=list(scope["headers"]))
    headers["cookie"] = "; ".join(filter(None, (headers.get("cookie"), pair)))
    return headers.raw


def _name(scope: Scope) -> str:
    return SECURE_COOKIE if is_https(scope) else COOKIE
