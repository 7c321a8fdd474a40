import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest

from frontend import gate
from frontend.gate import CONNECTION_HEADER, STREAM_PATH, Gate, Limits, Owner, address_of
from frontend.visitors import COOKIE

VISITOR, OTHER = "v" * 43, "o" * 43
ORIGIN = "http://page"


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "_owners", OrderedDict())


def scope_of(visitor: str = VISITOR, address: str = "10.0.0.1", *, session: str = "", **headers: str) -> dict[str, Any]:
    protocols = ", ".join(["streamlit", "token", *filter(None, [session])])
    all_headers = {"cookie": f"{COOKIE}={visitor}", "origin": ORIGIN, "sec-websocket-protocol": protocols} | headers
    return {
        "type": "websocket",
        "path": STREAM_PATH,
        "scheme": "ws",
        "client": (address, 1),
        "subprotocols": protocols.split(", "),
        "headers": [(name.encode(), value.encode()) for name, value in all_headers.items()],
    }


class Browser:
    """One websocket through the gate to an application that only waits."""

    def __init__(self, through: Gate, scope: dict[str, Any]) -> None:
        self.sent: list[Any] = []
        self._inbox: asyncio.Queue[Any] = asyncio.Queue()
        self._inbox.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.ensure_future(through(scope, self._inbox.get, self._take))

    async def _take(self, message: Any) -> None:
        self.sent.append(message)

    async def leave(self) -> None:
        self._inbox.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await self.task

    @property
    def accepted(self) -> bool:
        return {"type": "websocket.accept"} in self.sent and not self.task.done()


class Waiting:
    """Stands where Streamlit does."""

    def __init__(self) -> None:
        self.scopes: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        await receive()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass


async def opened(through: Gate, *scopes: dict[str, Any]) -> list[Browser]:
    browsers = [Browser(through, scope) for scope in scopes]
    for _ in range(10):
        await asyncio.sleep(0)
    return browsers


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("limits", "scope"),
    [
        (Limits(connections=3), lambda number: scope_of(f"{number}" * 43, f"10.0.0.{number}")),
        (Limits(by_address=3), lambda number: scope_of(f"{number}" * 43)),
        (Limits(by_visitor=3), lambda number: scope_of(address=f"10.0.0.{number}")),
    ],
    ids=["of the process", "of an address", "of a browser"],
)
async def test_no_more_connections_than_allowed_are_open_at_a_time(
    limits: Limits, scope: Callable[[int], dict[str, Any]]
) -> None:
    through = Gate(Waiting(), limits)
    browsers = await opened(through, *map(scope, range(5)))
    assert [browser.accepted for browser in browsers] == [True, True, True, False, False]
    assert browsers[4].sent == [{"type": "websocket.close", "code": gate.TRY_LATER}]
    await browsers[0].leave()
    (late,) = await opened(through, scope(6))
    assert late.accepted


@pytest.mark.anyio
async def test_a_stranger_more_than_may_wait_ends_the_one_who_waited_longest() -> None:
    application = Waiting()
    through = Gate(application, Limits(strangers=2))
    reader, *strangers = await opened(through, scope_of())
    number = dict(application.scopes[0]["headers"])[CONNECTION_HEADER.encode()].decode()
    gate._connections[number].admitted = True
    strangers = await opened(through, *(scope_of(f"{number}" * 43) for number in range(4)))
    assert [browser.accepted for browser in [reader, *strangers]] == [True, False, False, True, True]


@pytest.mark.anyio
async def test_a_stranger_who_never_signs_in_is_let_go() -> None:
    (stranger,) = await opened(Gate(Waiting(), Limits(stranger_s=0.01)), scope_of())
    await stranger.task
    assert stranger.sent[-1] == {"type": "websocket.close", "code": gate.GONE}


@pytest.mark.anyio
async def test_another_site_opens_no_connection() -> None:
    (browser,) = await opened(Gate(Waiting()), scope_of(**{"sec-fetch-site": "cross-site"}))
    assert not browser.accepted


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("owner", "goes_on"),
    [(Owner(VISITOR, ORIGIN, admitted=True), True), (Owner(OTHER, ORIGIN, admitted=True), False), (None, False)],
    ids=["its own", "another browser's", "nobody's"],
)
async def test_a_browser_goes_on_with_its_own_session_alone(owner: Owner | None, goes_on: bool) -> None:
    """Streamlit gives the state of a session to whoever names its id, and the id is in every upload's address."""
    if owner is not None:
        gate.own("session-1", owner)
    application = Waiting()
    await opened(Gate(application), scope_of(session="session-1"))
    (scope,) = application.scopes
    assert scope["subprotocols"] == ["streamlit", "token", *(["session-1"] if goes_on else [])]
    assert (b"session-1" in dict(scope["headers"])[b"sec-websocket-protocol"]) is goes_on


@pytest.mark.anyio
async def test_a_browser_cannot_name_its_connection_itself() -> None:
    application = Waiting()
    await opened(Gate(application), scope_of(**{CONNECTION_HEADER: "of-somebody-else"}))
    names = [value for name, value in application.scopes[0]["headers"] if name == CONNECTION_HEADER.encode()]
    assert len(names) == 1
    assert names != [b"of-somebody-else"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "path",
    ["/_stcore/metrics", "/_stcore/script-health-check", "/_stcore/agent/interact", "/_stcore/agent/mcp"],
)
async def test_what_tells_of_all_sessions_or_drives_one_is_closed(path: str) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def telling(_scope: Any, _receive: Any, send: Callable[[Any], Any]) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    await Gate(telling)({"type": "http", "method": "GET", "path": path, "headers": []}, asyncio.Event().wait, send)
    assert sent[0]["status"] == 404


@pytest.mark.parametrize(
    ("proxies", "expected"), [(0, "10.0.0.1"), (1, "192.0.2.7"), (2, "203.0.113.5"), (4, "10.0.0.1")]
)
def test_of_forwarded_addresses_only_what_our_proxies_wrote_is_believed(proxies: int, expected: str) -> None:
    scope = scope_of(**{"x-forwarded-for": "198.51.100.1, 203.0.113.5, 192.0.2.7"})
    assert address_of(scope, proxies) == expected


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
