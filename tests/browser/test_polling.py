import contextlib
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from frontend.transport import endpoint
from frontend.visitors import COOKIE
from frontend.workplace import endpoint as workplace

from . import servers
from .conftest import SAMPLES, expect_read, open_view, settle, upload
from .cutting_proxy import cutting

pytestmark = pytest.mark.browser

SAMPLE = SAMPLES / "synthetic_pre_01.png"
IDLE_S = 300.0
FALL_BACK_MS = 3_000
LONGEST_REQUEST_S = 100.0
"""App Runner cuts a request at 120 s."""
BEFORE_TIME_OUT_S = endpoint.PING_TIMEOUT_S / 2
POLL_S = 2.0
Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def polling_address(api_address: str, logs: Path) -> Iterator[str]:
    with servers.page(api_address, logs / "polling-page.log", LEUKOLENS_TRANSPORT="polling") as address:
        yield address


@pytest.fixture(scope="module")
def auto_address(api_address: str, logs: Path) -> Iterator[str]:
    with servers.page(api_address, logs / "auto-page.log", LEUKOLENS_TRANSPORT="auto") as address:
        yield address


def is_poll(url: str) -> bool:
    return endpoint.PATH in url


def test_polling_opens_no_websocket(visit: Visit, polling_address: str):
    tab = visit("about:blank")
    opened: list[str] = []
    tab.on("websocket", lambda socket: opened.append(socket.url))
    tab.goto(polling_address)
    upload(tab, SAMPLE)
    expect_read(tab, 1)
    assert opened == []


def test_a_session_ends_as_its_browser_leaves(visit: Visit, polling_address: str):
    """Not only when a ping has had no answer: the browser's goodbye is its last word."""
    tab = visit("about:blank")
    polled: list[str] = []
    tab.on("request", lambda request: polled.append(request.url) if "&sid=" in request.url else None)
    tab.goto(polling_address)
    expect(tab.get_by_role("heading", name="Classify", exact=True)).to_be_visible()
    settle(tab)  # a page that is left while it loads may not get its goodbye out
    tab.goto("about:blank")
    until = time.monotonic() + BEFORE_TIME_OUT_S
    ended = False
    while not ended and time.monotonic() < until:
        # A poll that comes while the session is ending is left without an answer.
        with contextlib.suppress(httpx.ReadTimeout):
            ended = httpx.get(polled[-1], timeout=POLL_S, trust_env=False).status_code == 400
        time.sleep(0.1)
    assert ended


def test_auto_takes_the_websocket_where_there_is_one(visit: Visit, auto_address: str):
    tab = visit("about:blank")
    polled: list[str] = []
    tab.on("request", lambda request: polled.append(request.url) if is_poll(request.url) else None)
    tab.goto(auto_address)
    upload(tab, SAMPLE)
    expect_read(tab, 1)
    assert polled == []


def test_auto_falls_back_where_the_websocket_never_opens(visit: Visit, auto_address: str):
    tab = visit("about:blank")
    # A proxy that takes the handshake and never answers it; the timer set after it is the one that gives it up.
    tab.add_init_script(
        "const wait = setTimeout; let asked = false;"
        "window.WebSocket = class extends EventTarget {"
        "static CONNECTING = 0; static OPEN = 1; static CLOSING = 2; static CLOSED = 3;"
        "constructor() { super(); asked = true; } close() {} };"
        "window.setTimeout = (call, ms, ...rest) => {"
        "if (asked) { window.givesUpAfterMs ??= ms; } return wait(call, ms, ...rest); };"
    )
    tab.goto(auto_address)
    upload(tab, SAMPLE)
    expect_read(tab, 1)
    assert 0 < tab.evaluate("window.givesUpAfterMs") <= FALL_BACK_MS


def test_nothing_is_taken_from_who_has_no_session(polling_address: str):
    with httpx.Client(base_url=polling_address, trust_env=False) as browser:
        files = {"file": b"smear"}
        assert browser.put("/_stcore/upload_file/session/file", files=files).status_code == 404
        assert browser.put(f"{workplace.URL}/files/file-0001", content=b"smear").status_code == 409
        browser.cookies[COOKIE] = "g" * 43
        tab = {workplace.HEADER: "tab"}
        assert browser.put(f"{workplace.URL}/files/file-0001", content=b"smear", headers=tab).status_code == 409


@pytest.mark.parametrize("cut_at", ["request", "answer"])
def test_a_click_whose_own_request_is_lost_is_made_again_and_no_image_is_lost(
    visit: Visit, polling_address: str, cut_at: str
):
    """Every connection breaks at the moment of a click: before the server has it, or before it can say so."""
    with cutting(polling_address) as (address, proxy):
        tab = visit(address)
        upload(tab, SAMPLE)
        expect_read(tab, 1)
        settle(tab)
        proxy.cut_at = cut_at
        open_view(tab, "Specimen report")
        assert proxy.cuts == 1
        open_view(tab, "Classify")
        expect(tab.get_by_role("button", name=re.compile("^Field 1,"))).to_be_visible()


@pytest.mark.slow
def test_a_tab_left_alone_for_five_minutes_still_works(idle_tab: tuple[Page, list[float], float]):
    tab, lasted, opened_at = idle_tab
    tab.wait_for_timeout(max(0.0, IDLE_S - (time.monotonic() - opened_at)) * 1000)
    open_view(tab, "Specimen report")
    open_view(tab, "Classify")
    upload(tab, SAMPLES / "synthetic_pro_01.png")
    expect_read(tab, 2)
    assert max(lasted) < LONGEST_REQUEST_S
