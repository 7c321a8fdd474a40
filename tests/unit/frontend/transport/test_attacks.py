"""What somebody tries who knows a session's id: it stands in addresses, and so in the logs of proxies."""

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from frontend.transport import endpoint, frames, script
from frontend.visitors import COOKIE

from .conftest import SEPARATOR, WAIT_S, Application, PlainClient

Connect = Callable[..., PlainClient]
HANDSHAKE = {"EIO": "4", "transport": "polling"}
MESSAGE = "b" + base64.b64encode(frames.LAST + b"stolen").decode()


def ask(address: str, method: str, sid: str, **options: Any) -> httpx.Response:
    """Poll a session by hand, from a browser of one's own."""
    return httpx.request(method, address + endpoint.PATH, params={**HANDSHAKE, "sid": sid}, timeout=WAIT_S, **options)


@pytest.fixture
def victim(connect: Connect) -> PlainClient:
    return connect()


@pytest.mark.parametrize("cookies", [{}, {COOKIE: "x" * 43}, {COOKIE: ""}], ids=["none", "another", "empty"])
@pytest.mark.parametrize(
    ("method", "body"), [("GET", ""), ("POST", MESSAGE), ("POST", "1")], ids=["read", "act", "end"]
)
def test_the_id_of_a_session_without_its_browsers_cookie_opens_nothing(
    address: str, victim: PlainClient, method: str, body: str, cookies: dict[str, str]
) -> None:
    assert ask(address, method, victim.sid, content=body, cookies=cookies).status_code == 403
    victim.send(b"mine")
    assert victim.get() == b"mine"


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://elsewhere.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}],
    ids=["another origin", "a sandboxed page", "by its browser's word"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_page_of_another_site_is_refused_with_the_browsers_own_cookie(
    address: str, victim: PlainClient, method: str, headers: dict[str, str]
) -> None:
    cookies = dict(victim.cookies)
    assert ask(address, method, victim.sid, content=MESSAGE, cookies=cookies, headers=headers).status_code == 403
    victim.send(b"mine")
    assert victim.get() == b"mine"


def test_another_browser_cannot_end_a_session_by_following_it(
    connect: Connect, victim: PlainClient, application: Application
) -> None:
    victim.send(b"one")
    assert victim.get() == b"one"
    assert connect(**{endpoint.PREVIOUS_HEADER: victim.sid}).told == [endpoint.UNKNOWN]
    victim.send(b"mine")
    assert victim.get() == b"mine"


def test_a_handshake_without_a_browser_is_given_its_cookie(address: str) -> None:
    headers = {endpoint.PROTOCOLS_HEADER: "streamlit"}
    given = httpx.get(address + endpoint.PATH, params=HANDSHAKE, headers=headers, timeout=WAIT_S).headers["set-cookie"]
    assert re.fullmatch(rf"{COOKIE}=[A-Za-z0-9_-]{{43}}; Path=/; HttpOnly; SameSite=Lax", given)


def test_behind_https_the_cookie_is_for_this_host_alone(address: str) -> None:
    headers = {endpoint.PROTOCOLS_HEADER: "streamlit", "x-forwarded-proto": "https"}
    given = httpx.get(address + endpoint.PATH, params=HANDSHAKE, headers=headers, timeout=WAIT_S).headers["set-cookie"]
    assert re.fullmatch(rf"__Host-{COOKIE}=[A-Za-z0-9_-]{{43}}; Path=/; HttpOnly; SameSite=Lax; Secure", given)


@pytest.mark.parametrize(
    "body",
    [SEPARATOR.join(["6"] * (endpoint.MAX_POLL_PACKETS + 1)), SEPARATOR * 1000, "x", "bA", b"\xff", "d=4hello"],
    ids=["too many", "too many empty ones", "of no kind", "cut base64", "no text", "JSONP"],
)
def test_a_request_that_is_not_a_few_packets_ends_its_session_alone(
    connect: Connect, address: str, victim: PlainClient, body: str | bytes
) -> None:
    """Engine.IO itself answers 200 and drops what it cannot read: a click lost, and nobody told."""
    bad = connect()
    answer = ask(address, "POST", bad.sid, content=body, cookies=dict(bad.cookies))
    assert answer.status_code == 400
    assert bad.closed.wait(WAIT_S)
    victim.send(b"mine")
    assert victim.get() == b"mine"


def test_the_script_sends_fewer_packets_than_are_taken() -> None:
    at_once = re.search(r"AT_ONCE = (\d+);", Path(script.STATIC, "polling.js").read_text())
    assert at_once is not None
    assert int(at_once[1]) * 2 <= endpoint.MAX_POLL_PACKETS


@pytest.mark.parametrize(
    ("method", "query", "status"),
    [
        ("PUT", {"sid": "a"}, 405),
        ("OPTIONS", {}, 405),
        ("GET", {"j": "0"}, 405),
        ("POST", {}, 400),
        ("GET", {f"q{number}": "1" for number in range(50)}, 400),
    ],
)
def test_what_no_browser_of_ours_asks_is_refused(address: str, method: str, query: dict[str, str], status: int) -> None:
    answer = httpx.request(method, address + endpoint.PATH, params={**HANDSHAKE, **query}, timeout=WAIT_S)
    assert answer.status_code == status
