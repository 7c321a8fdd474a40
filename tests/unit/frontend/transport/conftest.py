"""A real server with a small websocket application behind the polling endpoint, and a plain client."""

import asyncio
import base64
import json
import queue
import threading
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
import uvicorn

from frontend.asgi import Receive, Scope, Send
from frontend.transport import frames
from frontend.transport.endpoint import MAX_POLL_PACKETS, ORIGIN_HEADER, PATH, PROTOCOLS_HEADER, PollingEndpoint
from frontend.visitors import VisitorCookie

LIMIT_BYTES = 16 * 1024 * 1024
WAIT_S = 120.0  # whatever else the machine does
SEPARATOR = "\x1e"
"""Between the packets of one request or answer (Engine.IO protocol 4)."""


class Application:
    """Echoes; does what a few messages ask for; remembers what a test wants to know."""

    def __init__(self) -> None:
        self.scopes: list[Scope] = []
        self.sent = 0
        self.ending_s = 0.0
        self.events: queue.Queue[tuple[str, int]] = queue.Queue()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"page"})
            return
        self.scopes.append(scope)
        number = len(self.scopes)
        await receive()
        if "refuse" in scope["subprotocols"]:
            await send({"type": "websocket.close", "code": 1008})
            return
        await send({"type": "websocket.accept", "subprotocol": "streamlit"})
        self.events.put(("opened", number))
        while (message := await receive())["type"] == "websocket.receive":
            if not await self._answer(message["bytes"], send):
                break
        await asyncio.sleep(self.ending_s)
        self.events.put(("ended", number))

    async def _answer(self, data: bytes, send: Send) -> bool:
        if data == b"hang up":
            await send({"type": "websocket.close", "code": 1000})
            return False
        if data.startswith(b"flood "):
            for _ in range(int(data.split()[1])):
                await send({"type": "websocket.send", "bytes": bytes(1_000_000)})
                self.sent += 1
        else:
            await send({"type": "websocket.send", "bytes": data})
        return True


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture
def address(application: Application) -> Iterator[str]:
    config = uvicorn.Config(
        VisitorCookie(PollingEndpoint(application, LIMIT_BYTES)),
        port=0,
        log_level="error",
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    wait_until(lambda: server.started)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


class PlainClient:
    """Engine.IO by hand: one poll after the other, and requests no larger than the server said."""

    def __init__(self, address: str, tab_of: "PlainClient | None" = None, **headers: str) -> None:
        self._http = httpx.Client(base_url=address, params={"EIO": "4", "transport": "polling"}, timeout=WAIT_S)
        if tab_of is not None:
            self._http.cookies = tab_of.cookies
        self._joiner = frames.Joiner(LIMIT_BYTES)
        self.received: queue.Queue[bytes] = queue.Queue()
        self.told: list[str] = []
        self.closed = threading.Event()
        self.saying_goodbye = False
        handshake = {PROTOCOLS_HEADER: "streamlit, token", ORIGIN_HEADER: address} | headers
        opened, *early = self._http.get(PATH, headers=handshake).raise_for_status().text.split(SEPARATOR)
        answer = json.loads(opened.removeprefix("0"))
        self.sid, self._room = str(answer["sid"]), int(answer["maxPayload"])
        self._http.params = self._http.params.set("sid", self.sid)
        self._take(early)
        self._thread = threading.Thread(target=self._poll)
        self._thread.start()

    @property
    def cookies(self) -> httpx.Cookies:
        return self._http.cookies

    def send(self, *messages: bytes) -> None:
        packets = ["b" + base64.b64encode(part).decode() for message in messages for part in frames.split(message)]
        self.send_packets(packets)

    def send_packets(self, packets: list[str]) -> None:
        batch: list[str] = []
        for packet in packets:
            full = sum(map(len, batch)) + len(batch) + len(packet) > self._room or len(batch) == MAX_POLL_PACKETS
            if batch and full:
                self._post(batch)
                batch = []
            batch.append(packet)
        self._post(batch)

    def get(self) -> bytes:
        return self.received.get(timeout=WAIT_S)

    def close(self) -> None:
        if not self.closed.is_set():
            self.saying_goodbye = True
            self._http.post(PATH, content="1")
        self._thread.join()
        self._http.close()

    def _post(self, packets: list[str]) -> None:
        self._http.post(PATH, content=SEPARATOR.join(packets)).raise_for_status()

    def _poll(self) -> None:
        while not self.closed.is_set():
            answer = self._http.get(PATH)
            if answer.status_code != 200:
                self.closed.set()
            else:
                self._take(answer.text.split(SEPARATOR))

    def _take(self, packets: list[str]) -> None:
        for packet in packets:
            if packet.startswith("b"):
                message = self._joiner.take(base64.b64decode(packet[1:]))
                if message is not None:
                    self.received.put(message)
            elif packet.startswith("4"):
                self.told.append(packet[1:])
            elif packet == "2":
                self._post(["3"])
            elif packet == "1":
                self.closed.set()


@pytest.fixture
def connect(address: str) -> Iterator[Callable[..., PlainClient]]:
    clients: list[PlainClient] = []

    def connecting(tab_of: PlainClient | None = None, **headers: str) -> PlainClient:
        clients.append(PlainClient(address, tab_of, **headers))
        return clients[-1]

    yield connecting
    for client in clients:
        client.close()


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)
