"""The page's server, run for real: what a slow or silent connection may take of it."""

import asyncio
import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from websockets.sync.client import connect

from frontend import server
from frontend.settings import Settings
from local import deadlines

WAIT_S = 60.0


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


def test_the_first_reader_does_not_wait_for_the_views_to_load() -> None:
    assert {view.__name__.rpartition(".")[2] for view in server.VIEWS} == {"classify", "model", "report", "review"}
    loads = "import sys, frontend.server; assert {'altair', 'reportlab', 'frontend.views.report'} <= set(sys.modules)"
    subprocess.run([sys.executable, "-c", loads], check=True)
