import base64
import queue
import socket
import threading
from collections.abc import Callable, Iterator

import httpx
import pytest

from frontend.transport import endpoint, frames

from .conftest import WAIT_S, Application, PlainClient, wait_until

HANDSHAKE = {"EIO": "4", "transport": "polling"}
HEADERS = {endpoint.PROTOCOLS_HEADER: "streamlit"}

Connect = Callable[..., PlainClient]


def test_ten_thousand_messages_arrive_whole_and_in_order(connect: Connect):
    client = connect()
    sent = [f"{number}".encode() for number in range(10_000)]
    client.send(*sent)
    assert [client.get() for _ in sent] == sent
    with pytest.raises(queue.Empty):
        client.received.get_nowait()


def test_a_message_larger_than_a_poll_goes_both_ways(connect: Connect):
    message = bytes(range(256)) * 20_000
    assert len(message) > endpoint.MAX_POLL_BYTES
    client = connect()
    client.send(message)
    assert client.get() == message


def test_the_application_sees_a_websocket_of_the_same_reader(connect: Connect, application: Application, address: str):
    connect(Cookie="session=abc").send(b"hello")
    wait_until(lambda: bool(application.scopes))
    scope = application.scopes[0]
    headers = dict(scope["headers"])
    assert scope["type"] == "websocket"
    assert scope["path"] == "/_stcore/stream"
    assert scope["subprotocols"] == ["streamlit", "token"]
    assert headers[b"sec-websocket-protocol"] == b"streamlit, token"
    assert headers[b"cookie"].startswith(b"session=abc; leukolens_visitor=")
    assert headers[b"origin"] == address.encode()
    assert not [name for name in headers if name.startswith(b"x-leukolens")]


def test_what_is_no_poll_goes_to_the_application(address: str):
    assert httpx.get(address, timeout=WAIT_S).text == "page"


@pytest.mark.parametrize(
    "headers",
    [{}, {**HEADERS, "sec-fetch-site": "cross-site"}, {endpoint.PROTOCOLS_HEADER: "refuse"}],
    ids=["another site, which cannot send our header", "another site, by its browser's word", "the application's no"],
)
def test_a_handshake_is_refused(address: str, headers: dict[str, str]):
    answer = httpx.get(address + endpoint.PATH, params=HANDSHAKE, headers=headers, timeout=WAIT_S)
    assert answer.status_code == 401


def test_nothing_is_said_of_other_sites(address: str):
    headers = {**HEADERS, "origin": "https://elsewhere.example"}
    answer = httpx.get(address + endpoint.PATH, params=HANDSHAKE, headers=headers, timeout=WAIT_S)
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"


def test_when_the_browser_goes_the_application_hears_of_it(connect: Connect, application: Application):
    client = connect()
    assert application.events.get(timeout=WAIT_S) == ("opened", 1)
    client.close()
    assert application.events.get(timeout=WAIT_S) == ("ended", 1)


def test_when_the_application_hangs_up_the_browser_hears_of_it(connect: Connect):
    client = connect()
    client.send(b"hang up")
    assert client.closed.wait(WAIT_S)


def test_a_session_that_follows_a_lost_one_ends_it_first(connect: Connect, application: Application):
    lost = connect()
    assert application.events.get(timeout=WAIT_S) == ("opened", 1)
    connect(lost, **{endpoint.PREVIOUS_HEADER: lost.sid})
    assert application.events.get(timeout=WAIT_S) == ("ended", 1)
    assert application.events.get(timeout=WAIT_S) == ("opened", 2)


def test_a_session_that_follows_one_about_to_end_waits_for_it(connect: Connect, application: Application):
    """A browser that loses a request says goodbye and connects again at once: both arrive together."""
    application.ending_s = 0.5
    lost = connect()
    assert application.events.get(timeout=WAIT_S) == ("opened", 1)
    goodbye = threading.Thread(target=lost.close)
    goodbye.start()
    wait_until(lambda: lost.saying_goodbye)
    connect(lost, **{endpoint.PREVIOUS_HEADER: lost.sid})
    goodbye.join()
    assert application.events.get(timeout=WAIT_S) == ("ended", 1)
    assert application.events.get(timeout=WAIT_S) == ("opened", 2)


def test_a_session_that_follows_a_lost_one_hears_how_far_that_came(connect: Connect):
    lost = connect()
    lost.send(b"one", b"two", bytes(frames.PART_BYTES * 2))
    assert [lost.get()[:3] for _ in range(3)] == [b"one", b"two", bytes(3)]
    lost.send_packets(["bAGhhbGY="])  # 00, "half": a message whose end was lost
    assert connect(lost, **{endpoint.PREVIOUS_HEADER: lost.sid}).told == ["3"]


def test_it_hears_the_same_again_if_the_answer_was_lost_and_nobody_holds_the_session(
    connect: Connect, application: Application
):
    lost = connect()
    lost.send(b"one")
    assert lost.get() == b"one"
    connect(lost, **{endpoint.PREVIOUS_HEADER: lost.sid})
    assert connect(lost, **{endpoint.PREVIOUS_HEADER: lost.sid}).told == ["1"]
    seen = [application.events.get(timeout=WAIT_S) for _ in range(5)]
    assert seen == [("opened", 1), ("ended", 1), ("opened", 2), ("ended", 2), ("opened", 3)]


def test_of_a_session_that_nobody_remembers_it_is_told_so(connect: Connect):
    assert connect().told == []
    assert connect(**{endpoint.PREVIOUS_HEADER: "of-another-process"}).told == [endpoint.UNKNOWN]


def test_parts_of_another_format_end_their_session_alone(connect: Connect, application: Application):
    good, bad = connect(), connect()
    bad.send_packets(["bBwgb"])
    assert bad.closed.wait(WAIT_S)
    good.send(b"still here")
    assert good.get() == b"still here"


def test_of_a_request_cut_midway_nothing_is_taken(connect: Connect, address: str):
    client = connect()
    whole = b"b" + base64.b64encode(frames.LAST + b"cut")
    url = httpx.URL(address)
    with socket.create_connection((url.host, url.port), timeout=WAIT_S) as cut:
        line = f"POST {endpoint.PATH}?EIO=4&transport=polling&sid={client.sid} HTTP/1.1"
        head = f"{line}\r\nHost: {url.host}\r\nContent-Length: {2 * len(whole)}\r\n\r\n"
        cut.sendall(head.encode() + whole)
    client.send(b"whole")
    assert client.get() == b"whole"


@pytest.fixture
def raw(address: str) -> Iterator[httpx.Client]:
    """A session by hand, for what a well-behaved client never does."""
    with httpx.Client(base_url=address, params=HANDSHAKE, timeout=WAIT_S) as http:
        opened = http.get(endpoint.PATH, headers=HEADERS).text
        http.params = http.params.set("sid", opened.split('"sid":"')[1].split('"')[0])
        yield http


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ping soon; how long the browser may take to answer stays as it is."""
    monkeypatch.setattr(endpoint, "PING_INTERVAL_S", 0.2)


@pytest.fixture
def very_impatient(impatient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "PING_TIMEOUT_S", 0.3)


@pytest.mark.usefixtures("impatient")
def test_a_poll_without_news_is_answered_by_a_ping(raw: httpx.Client):
    assert raw.get(endpoint.PATH).text == "2"


@pytest.mark.usefixtures("very_impatient")
def test_the_session_of_a_browser_that_is_gone_without_a_word_ends(raw: httpx.Client, application: Application):
    assert application.events.get(timeout=WAIT_S) == ("opened", 1)
    assert application.events.get(timeout=WAIT_S) == ("ended", 1)
    assert raw.get(endpoint.PATH).status_code == 400


def test_a_request_over_the_limit_is_refused(raw: httpx.Client):
    assert raw.post(endpoint.PATH, content=b"4" * (endpoint.MAX_POLL_BYTES + 1)).status_code == 413


def test_a_body_without_a_length_is_read_whole(raw: httpx.Client):
    def chunks() -> Iterator[bytes]:
        yield b"bAWhl"  # base64 of 01, "he"
        yield b"bGxv"  # "llo"

    assert raw.post(endpoint.PATH, content=chunks()).status_code == 200
    assert raw.get(endpoint.PATH).text == "bAWhlbGxv"


def test_an_application_waits_for_a_browser_that_does_not_take(raw: httpx.Client, application: Application):
    raw.post(endpoint.PATH, content="bAWZsb29kIDIw")  # 01, "flood 20"
    window = endpoint.WINDOW_BYTES // 1_000_000
    wait_until(lambda: application.sent >= window)
    assert application.sent <= window
    taken = 0
    while application.sent < 20:
        taken += len(raw.get(endpoint.PATH).content)
        assert application.sent <= taken // 1_000_000 + window + 1


def test_an_unknown_session_is_refused(address: str):
    answer = httpx.get(address + endpoint.PATH, params={**HANDSHAKE, "sid": "none"}, timeout=WAIT_S)
    assert answer.status_code == 400
