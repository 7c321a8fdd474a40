"""Who may speak to a server on a laptop: this machine's own names, and no page of a website."""

import ipaddress
import socket
from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from .answer import HttpAnswer
from .gateway import problem


class OwnNamesOnly:
    """ASGI middleware: refuses requests for another host, and those that a page of another origin makes.

    A website can have its own name lead to 127.0.0.1 (DNS rebinding), and can send a form to an address that it
    cannot read: the first shows in ``Host``, the second in ``Origin``, and neither can a page change.

    Parameters
    ----------
    app
        What answers.
    names
        Host names beside this machine's own and plain addresses; lower case.
    """

    def __init__(self, app: ASGIApp, names: Iterable[str] = ()) -> None:
        self._app = app
        self._names = {"localhost", socket.gethostname().lower(), *(name.lower() for name in names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        refusal = self._refusal(Headers(scope=scope)) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send)
            return
        raw = [(name.encode(), value.encode()) for name, value in [*refusal.headers, ("connection", "close")]]
        await send({"type": "http.response.start", "status": refusal.status, "headers": raw})
        await send({"type": "http.response.body", "body": refusal.body})

    def _refusal(self, headers: Headers) -> HttpAnswer | None:
        host = headers.get("host", "")
        if not self._is_own(host):
            return problem(421, "This server is of this machine alone; name others by --allow-host.")
        origin = headers.get("origin")
        if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
            return problem(403, "A page of another origin may not use this server.")
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return problem(403, "A page of another site may not use this server.")
        return None

    def _is_own(self, host: str) -> bool:
        name = _without_port(host)
        if name in self._names:
            return True
        try:
            ipaddress.ip_address(name.strip("[]"))  # an address is no name that somebody could point elsewhere
        except ValueError:
            return False
        return True


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdecimal() else host).lower().rstrip(".")
