"""The workspaces of this process, each known to its browser alone by an unguessable cookie.

A workspace outlives the connection of its browser: a reload, a lost network and a lunch break lose nothing. It is
forgotten a while after its browser's last word, by a thread of its own, whether or not anybody else comes.
"""

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders

from frontend.asgi import AsgiApp, Message, Receive, Scope, Send
from frontend.classification import Batch
from frontend.workspace import Workspace

COOKIE = "leukolens_workspace"
TOKEN_BYTES = 32
SWEEP_S = 30.0


@dataclass(frozen=True)
class Desk:
    """A workspace, and the work on it."""

    workspace: Workspace
    batch: Batch


class Workspaces:
    """Desks by token.

    Parameters
    ----------
    keep_s : float
        How long one is kept after its browser's last word (s).
    away_s : float
        After so long without a word, one is away: the first to go where room is short (s).
    total_bytes : int
        Image files held by all together; beyond it, those that are away are forgotten, the longest away first.
    clock : Callable[[], float]
        Monotonic time (s).
    """

    def __init__(
        self, keep_s: float, total_bytes: int, away_s: float = 180.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._keep_s, self._away_s, self._total_bytes, self._clock = keep_s, away_s, total_bytes, clock
        self._by_token: dict[str, Desk] = {}
        self._lock = threading.Lock()

    def find(self, token: str) -> Desk | None:
        """Give a workspace that is there."""
        return self._by_token.get(token)

    def enter(self, token: str, owner: str, limit_bytes: int) -> Desk:
        """Give the workspace of a token, a new one where there is none or it is another person's.

        Parameters
        ----------
        token : str
            The browser's cookie.
        owner : str
            Who is signed in; empty where nobody signs in.
        limit_bytes : int
            Image bytes that a new workspace may hold.
        """
        with self._lock:
            held = self._by_token.get(token)
            if held is None or held.workspace.owner != owner:
                workspace = Workspace(limit_bytes, owner)
                held = self._by_token[token] = Desk(workspace, Batch(workspace))
            held.workspace.touched = self._clock()
            return held

    def leave(self, token: str) -> None:
        """Forget a workspace at once."""
        with self._lock:
            held = self._by_token.pop(token, None)
        if held is not None:
            held.batch.stop()

    def sweep(self) -> None:
        """Forget what nobody has used for long, and what there is no room for."""
        now = self._clock()
        with self._lock:
            oldest_first = sorted(self._by_token.items(), key=lambda item: item[1].workspace.touched)
            total = sum(held.workspace.held_bytes for _, held in oldest_first)
            for token, held in oldest_first:
                quiet_s = now - held.workspace.touched
                if quiet_s > self._keep_s or (total > self._total_bytes and quiet_s > self._away_s):
                    total -= held.workspace.held_bytes
                    held.batch.stop()
                    del self._by_token[token]

    def sweep_for_ever(self) -> None:
        """Sweep now and then, on a thread that ends with the process."""

        def run() -> None:
            while True:
                time.sleep(SWEEP_S)
                self.sweep()

        threading.Thread(target=run, name="workspaces-sweep", daemon=True).start()


class WorkspaceCookie:
    """ASGI middleware: gives a browser its cookie with the page, so that its connection brings it.

    Parameters
    ----------
    app : AsgiApp
        What serves the pages.
    """

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with a cookie where a page is fetched without one."""
        if scope["type"] != "http" or token_of(scope):
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                if headers.get("content-type", "").startswith("text/html"):
                    # Lax, not Strict: a browser that comes back from signing in elsewhere must still bring it.
                    secure = "; Secure" if _https(scope) else ""
                    token = secrets.token_urlsafe(TOKEN_BYTES)
                    headers.append("set-cookie", f"{COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax{secure}")
            await send(message)

        await self._app(scope, receive, sending)


def token_of(scope: Scope) -> str:
    """Read the token of a request; empty where it brings none."""
    cookies: SimpleCookie = SimpleCookie()
    try:
        cookies.load(Headers(scope=scope).get("cookie", ""))
    except CookieError:
        return ""
    return cookies[COOKIE].value if COOKIE in cookies else ""


def _https(scope: Scope) -> bool:
    return scope.get("scheme") == "https" or Headers(scope=scope).get("x-forwarded-proto") == "https"
