"""Serves the handler over real HTTP, on one address, in this process."""

import asyncio
import contextlib
import importlib
import json
import os
import socket
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from urllib.parse import urlencode

import uvicorn
from settings import load_settings
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from .context import LambdaContext
from .deadlines import DeadlineProtocol
from .doors import OwnNamesOnly
from .event import http_event
from .gateway import Gateway, Handler, problem
from .uploads import PATH, Uploads, discard_old

# Longer than a pooled client keeps a connection, so that it is the client that lets go.
KEEP_ALIVE_S = 75
BACKLOG = 512
CLEANED_EVERY_S = 600.0


class StartError(Exception):
    """The server cannot start; the message says why and what to do."""


def bind(host: str, port: int) -> socket.socket:
    """Listen on a host and port.

    Raises
    ------
    StartError
        When it is in use or not this machine's.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        # Name the protocol: only then does asyncio turn off Nagle's algorithm, which costs an answer 40 ms.
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(BACKLOG)
        except OSError:
            listening.close()
            raise
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise StartError(f"Cannot listen on {host}:{port}: {reason}. Choose another with --port.") from error
    return listening


def load_handler() -> Handler:
    """Import the Lambda handler, and have it load its model.

    Raises
    ------
    StartError
        When the model is missing or not the one that its card names.
    """
    # A laptop has no agent that reads metrics from standard output.
    os.environ.setdefault("POWERTOOLS_METRICS_DISABLED", "true")
    handler: Handler = importlib.import_module("handler").handler
    answer = handler(http_event("GET", "/v1/health"), LambdaContext())
    if answer["statusCode"] != 200:
        raise StartError(json.loads(answer["body"])["detail"])
    return handler


def keep_in(folder: Path, url: str) -> None:
    """Choose a folder for feedback and uploads, unless the environment names other places."""
    os.environ.setdefault("LEUKOLENS_FEEDBACK_BUCKET", folder.resolve().as_uri())
    post_to = urlencode({"post_to": url + PATH})
    os.environ.setdefault("LEUKOLENS_UPLOADS_BUCKET", f"{folder.resolve().as_uri()}?{post_to}")
    os.environ.setdefault("LEUKOLENS_ANSWERED_FILE", str(folder.resolve() / "answered"))
    folder.mkdir(parents=True, exist_ok=True)
    discard_old(folder, feedback_days=load_settings().feedback_days)


def application(handler: Handler, folder: Path, allow_hosts: Iterable[str] = ()) -> Starlette:
    """Put the handler behind HTTP, beside a route that takes uploads into ``folder``."""
    gateway = Gateway(handler)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        cleaning = asyncio.create_task(_clean(folder), name="discard-old")
        yield
        cleaning.cancel()
        gateway.close()

    uploads = Uploads(folder, load_settings().max_upload_bytes)
    return Starlette(
        routes=[Route(PATH, uploads.take, methods=["POST"]), Mount("/", gateway)],
        exception_handlers={HTTPException: _refused},
        middleware=[Middleware(OwnNamesOnly, names=tuple(allow_hosts))],
        lifespan=lifespan,
    )


async def _clean(folder: Path) -> None:
    """Discard what is old for as long as the server runs, and not only as it starts."""
    while True:
        await asyncio.sleep(CLEANED_EVERY_S)
        with contextlib.suppress(OSError):  # a full or absent disk: it is tried again
            await asyncio.to_thread(discard_old, folder, feedback_days=load_settings().feedback_days)


def _refused(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    answer = problem(error.status_code, error.detail)
    return Response(answer.body, answer.status, dict(answer.headers))


def serve(host: str, port: int, folder: Path, allow_hosts: Iterable[str] = ()) -> None:
    """Serve until SIGINT or SIGTERM.

    Parameters
    ----------
    host, port
        Where to listen.
    folder
        Keeps feedback, and uploads for a day.
    allow_hosts
        Names that requests may be for, beside this machine's own.

    Raises
    ------
    StartError
        When the address or the model cannot be had.
    """
    with bind(host, port) as listening:
        keep_in(folder, address(host, port))
        app = application(load_handler(), folder, allow_hosts)
        print(f"Leukolens API on {address(host, port)} (research use only); Ctrl-C stops it", flush=True)
        server(app).run(sockets=[listening])


def server(app: ASGIApp) -> uvicorn.Server:
    """Give the HTTP server of an application, with the project's settings."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            http=DeadlineProtocol,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=10,
            server_header=False,
            ws="none",
        )
    )


def address(host: str, port: int) -> str:
    """Give the URL that a person can open."""
    host_shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{host_shown}:{port}"
