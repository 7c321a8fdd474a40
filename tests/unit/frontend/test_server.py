"""The page's server, run for real: what a slow or silent connection may take of it."""

import asyncio
import contextlib
import logging
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from websockets.sync.client import connect

from frontend import server
from frontend.settings import Settings
from local import deadlines
from local.children import Child
from tests.surroundings import free_port

WAIT_S = 60.0
AGENTS_ON = {"STREAMLIT_SERVER_ENABLE_AGENT_API": "true"}


async def _echo(socket: WebSocket) -> None:
    await socket.accept()
    while True:
        await socket.send_text(await socket.receive_text())


@contextlib.contextmanager
def serving(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Run ``server.serve`` as the page does, with an application that needs no Streamlit; gives the port."""
    made: list[uvicorn.Server] = []

    def run(app: Starlette, *, host: str, port: int, **options: object) -> None:
        made.append(uvicorn.Server(uvicorn.Config(app, host=host, port=port, **options)))  # type: ignore[arg-type]

    monkeypatch.setattr(server, "create_app", lambda _chosen: Starlette(routes=[WebSocketRoute("/echo", _echo)]))
    monkeypatch.setattr(uvicorn, "run", run)
    server.serve("127.0.0.1", 0, Settings())
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=lambda: asyncio.run(made[0].serve([listening])))
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            made[0].should_exit = True
            thread.join()


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nhost: x\r\n"])
def test_a_head_that_never_comes_ends_its_connection(monkeypatch: pytest.MonkeyPatch, begun: bytes) -> None:
    monkeypatch.setattr(deadlines, "HEADERS_S", 0.2)
    with serving(monkeypatch) as port, socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as connection:
        connection.sendall(begun)
        while connection.recv(65_536):  # until the server closes
            pass


def test_a_websocket_outlives_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = threading.Event()
    monkeypatch.setattr(deadlines, "HEADERS_S", 0.2)
    give_up = deadlines.DeadlineProtocol._give_up

    def giving_up(protocol: deadlines.DeadlineProtocol) -> None:
        give_up(protocol)
        closed.set()

    monkeypatch.setattr(deadlines.DeadlineProtocol, "_give_up", giving_up)
    with serving(monkeypatch) as port, connect(f"ws://127.0.0.1:{port}/echo") as talking:
        talking.send("one")
        assert talking.recv() == "one"
        with socket.create_connection(("127.0.0.1", port)):
            assert closed.wait(WAIT_S)  # a later connection was given up on, so the WebSocket's own time is over, too
        talking.send("two")
        assert talking.recv() == "two"


def test_no_log_line_tells_the_id_of_a_session(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    with serving(monkeypatch) as port:
        for asked in (b"GET /poll?sid=secret-id", b"PUT /upload/secret-id"):
            with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as connection:
                connection.sendall(asked + b" HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
                assert connection.recv(65_536).startswith(b"HTTP/1.1 404 ")
    assert "secret-id" not in caplog.text + "".join(capfd.readouterr())


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, Path]]:
    """Run the page as it is served; gives a client of it, and its log, which names each module as it is loaded."""
    port = free_port()
    environment = os.environ | AGENTS_ON | {"PYTHONPROFILEIMPORTTIME": "1"}
    command = ["frontend", "--port", str(port)]
    with (
        Child("page", command, tmp_path_factory.mktemp("page"), environment) as child,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=WAIT_S) as http,
    ):
        child.wait_until(lambda: _answers(http), WAIT_S)
        yield http, child.log


def test_the_page_as_it_is_served_gives_no_stranger_its_metrics(page: tuple[httpx.Client, Path]) -> None:
    """The addresses are asked of Streamlit, so that others in its next version are noticed."""
    from streamlit.web.server.starlette import starlette_agent_routes as agents
    from streamlit.web.server.starlette.starlette_routes import ROUTE_METRICS

    closed = (ROUTE_METRICS, agents._ROUTE_AGENT_INTERACT, agents._ROUTE_AGENT_MCP, agents._ROUTE_AGENT_SCHEMA)

    http, _ = page
    assert http.get("/_stcore/health").status_code == 200
    assert {path: http.get(f"/{path}").text for path in closed} == dict.fromkeys(closed, "Not found")


def _answers(http: httpx.Client) -> bool:
    try:
        return http.get("/").is_success
    except httpx.TransportError:
        return False


def test_the_first_reader_does_not_wait_for_the_views_to_load(page: tuple[httpx.Client, Path]) -> None:
    """All is loaded before anybody opens a session."""
    assert {view.__name__.rpartition(".")[2] for view in server.VIEWS} == {"classify", "model", "report", "review"}
    loaded = {line.rpartition("|")[2].strip() for line in page[1].read_text().splitlines()}
    assert {"altair", "reportlab", *(view.__name__ for view in server.VIEWS)} <= loaded
