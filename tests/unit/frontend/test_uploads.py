import asyncio
from collections import OrderedDict
from collections.abc import MutableMapping
from types import SimpleNamespace
from typing import Any

import pytest

from frontend import gate, uploads
from frontend.visitors import COOKIE
from frontend.workspace import Workspace

LIMIT = 1_000
VISITOR = "v" * 43
ORIGIN = "http://page"
BODY = b'--b\r\nContent-Disposition: form-data; name="file"; filename="field%221.png"\r\n\r\n...'


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Give the workspace of the session ``one``, in whose script the test runs."""
    held = Workspace(LIMIT)
    monkeypatch.setattr(uploads, "get_script_run_ctx", lambda: SimpleNamespace(session_id="one"))
    uploads.make_way_in(held)
    uploads.refused()  # of another test
    return held


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Give the bytes by session that Streamlit holds and the page has not taken."""
    held: dict[str, int] = {}
    monkeypatch.setattr(uploads, "held_bytes", lambda session: held.get(session, 0))
    monkeypatch.setattr(uploads, "sessions_with_uploads", lambda: list(held))
    return held


@pytest.fixture(autouse=True)
def _sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the same browser own the sessions ``one`` and ``two``."""
    monkeypatch.setattr(gate, "_owners", OrderedDict())
    for session in ("one", "two"):
        gate.own(session, gate.Owner(VISITOR, ORIGIN, admitted=True))


async def put(length: int | None, session: str = "one") -> int:
    """Upload a file; gives the status."""
    statuses: list[int] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": BODY, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        statuses.extend([message["status"]] if "status" in message else [])

    headers = [(b"cookie", f"{COOKIE}={VISITOR}".encode()), (b"origin", ORIGIN.encode())]
    headers += [] if length is None else [(b"content-length", str(length).encode())]
    scope = {"type": "http", "method": "PUT", "path": f"{uploads.PATH}{session}/file-1", "headers": headers}
    await uploads.UploadBudget(application, LIMIT, 10 * LIMIT)(scope, receive, send)
    return statuses[0]


@pytest.mark.anyio
async def test_what_streamlit_and_the_page_hold_is_one_sum(workspace: Workspace, waiting: dict[str, int]):
    workspace.add("held.png", bytes(400))
    waiting["one"] = 300
    assert await put(300) == 204
    assert await put(301) == 413


@pytest.mark.anyio
async def test_answered_files_make_room_for_what_comes(workspace: Workspace, waiting: dict[str, int]):
    field = workspace.add("held.png", bytes(900))
    assert await put(500) == 413
    field.state = "answered"
    assert await put(500) == 204
    assert field.data is None


@pytest.mark.anyio
async def test_a_refused_file_is_named_once_and_to_its_session_alone(workspace: Workspace, waiting: dict[str, int]):
    assert await put(LIMIT + 1) == 413
    assert await put(LIMIT + 1, "two") == 413
    assert uploads.refused() == ['field"1.png']
    assert uploads.refused() == []


@pytest.mark.anyio
async def test_a_body_of_unknown_length_is_refused(workspace: Workspace, waiting: dict[str, int]):
    assert await put(None) == 413


def test_a_file_without_room_is_told_with_what_to_do():
    held = Workspace(384_000_000)
    held.refuse("a.tif")
    held.refuse("a.tif")
    assert [field.name for field in held.of("refused")] == ["a.tif"]
    assert "at most 384 MB at a time. Add it again" in held.of("refused")[0].problem


async def put_slowly(budget: uploads.UploadBudget, session: str, length: int, go: asyncio.Event) -> int:
    """Upload a file whose bytes come only when ``go`` is set; gives the status."""
    statuses: list[int] = []

    async def receive() -> MutableMapping[str, Any]:
        await go.wait()
        return {"type": "http.request", "body": BODY, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        statuses.extend([message["status"]] if "status" in message else [])

    headers = {"cookie": f"{COOKIE}={VISITOR}", "origin": ORIGIN, "content-length": str(length)}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    path = f"{uploads.PATH}{session}/file-1"
    await budget({"type": "http", "method": "PUT", "path": path, "headers": raw}, receive, send)
    return statuses[0]


async def taken(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 204, "headers": []})


async def side_by_side(budget: uploads.UploadBudget, *coming: tuple[str, int]) -> list[int]:
    go = asyncio.Event()
    asyncio.get_running_loop().call_later(0.05, go.set)
    return await asyncio.gather(*(put_slowly(budget, session, length, go) for session, length in coming))


@pytest.mark.anyio
async def test_uploads_side_by_side_keep_to_the_limit_together(workspace: Workspace, waiting: dict[str, int]):
    budget = uploads.UploadBudget(taken, LIMIT, 10 * LIMIT)
    assert await side_by_side(budget, *[("one", 240)] * 25) == [204] * 4 + [413] * 21
    assert await side_by_side(budget, ("one", 240)) == [204]  # the room was given back


@pytest.mark.anyio
async def test_the_sessions_of_one_browser_have_a_limit_together(workspace: Workspace, waiting: dict[str, int]):
    gate.own("three", gate.Owner(VISITOR, ORIGIN, admitted=True))
    budget = uploads.UploadBudget(taken, LIMIT, 10 * LIMIT)
    assert await side_by_side(budget, ("one", 900), ("two", 900), ("three", 900)) == [204, 204, 413]


@pytest.mark.anyio
async def test_all_sessions_have_a_limit_together(workspace: Workspace, waiting: dict[str, int]):
    waiting["of somebody else"] = 700
    budget = uploads.UploadBudget(taken, LIMIT, LIMIT)
    assert await side_by_side(budget, ("one", 200), ("two", 200)) == [204, 413]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "owner",
    [None, gate.Owner(VISITOR, ORIGIN, admitted=False), gate.Owner("o" * 43, ORIGIN, admitted=True)],
    ids=["a session that nobody began", "before sign-in", "another browser's"],
)
async def test_nothing_is_taken_of_strangers(
    workspace: Workspace, waiting: dict[str, int], monkeypatch: pytest.MonkeyPatch, owner: gate.Owner | None
):
    monkeypatch.setattr(gate, "_owners", OrderedDict([("one", owner)] if owner else []))
    assert await put(300) == 403
