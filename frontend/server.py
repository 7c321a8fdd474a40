"""The page as an ASGI application, and the server that runs it."""

import sys
from pathlib import Path

import streamlit as st
import uvicorn
from starlette.middleware import Middleware

from frontend import session, sign_in
from frontend.gate import Gate, Limits
from frontend.security import SecurityHeaders
from frontend.settings import Settings
from frontend.translation import _
from frontend.transport import script
from frontend.transport.endpoint import PollingEndpoint
from frontend.views import classify, model, report, review
from frontend.visitors import VisitorCookie
from frontend.workplace import endpoint
from local.deadlines import DeadlineProtocol

SCRIPT = Path(__file__).resolve().parent / "app.py"
MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""Of one message of a browser; a message holds the state of all widgets, while images come by HTTP."""
VIEWS = (classify, model, report, review)
"""Loaded with the server, for they take seconds: the first reader should not wait for it."""
GRACE_S = 5
"""For open requests when the server stops: a poll would be held for longer, and is asked again by its browser."""


def create_app(chosen: Settings) -> st.App:
    """Build the ASGI application: Streamlit's routes for the page's script, and what stands before them.

    Parameters
    ----------
    chosen : Settings
        The page's settings; with transport ``websocket`` nothing of the polling is there.

    Returns
    -------
    st.App
        The application.
    """
    routes = endpoint.routes(session.workspaces())
    middleware = [
        Middleware(SecurityHeaders),
        Middleware(endpoint.NoUploader),
        Middleware(sign_in.SignInCookies, lasts_s=chosen.oidc_session_s),
        Middleware(VisitorCookie),
        Middleware(script.ScriptInjection, mode=chosen.transport),
    ]
    if chosen.transport != "websocket":
        routes += script.routes()
        middleware.append(Middleware(PollingEndpoint, max_message_bytes=MAX_MESSAGE_BYTES))
    # Under the polls, so that a polled session counts as any other.
    limits = Limits(connections=chosen.page_connections)
    middleware.append(Middleware(Gate, limits=limits, proxies=chosen.page_proxies))
    return st.App(
        SCRIPT, secrets=sign_in.secrets(chosen), routes=routes, middleware=middleware, on_script_error=_apologise
    )


def serve(host: str, port: int, chosen: Settings) -> None:
    """Serve the page until stopped.

    Parameters
    ----------
    host : str
        Address to listen on.
    port : int
        Port to listen on.
    chosen : Settings
        The page's settings.
    """
    sys.stderr.write(f"Leukolens page: http://{host}:{port}\n")
    uvicorn.run(
        create_app(chosen),
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        http=DeadlineProtocol,
        ws_max_size=MAX_MESSAGE_BYTES,
        timeout_graceful_shutdown=GRACE_S,
    )


def _apologise(_failure: Exception) -> bool:
    """Say what to do where a view failed; the reason is in the server's log, which a reader does not see."""
    st.error(
        _(
            "This view failed, and that is our fault, not your image's. Reload the page and try again; if it fails "
            "again, tell whoever runs this service the time at which it happened."
        ),
        icon=":material/error:",
    )
    return True
