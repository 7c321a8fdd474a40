"""The gateway over real sockets, in front of handlers that show what reached them."""

import base64
import contextlib
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from local import deadlines, gateway
from local.gateway import MAX_EVENT_BYTES, Gateway, Handler
from tests.serving import running

WAIT_S = 60.0  # whatever else the machine does


def echo(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Give the body back as it came; the event's other parts travel in a header."""
    seen = {key: value for key, value in event.items() if key != "body"}
    seen["context"] = {"remaining_ms": context.get_remaining_time_in_millis(), "id": context.aws_request_id}
    return {
        "statusCode": 200,
        "headers": {"content-type": "application/octet-stream", "x-event": json.dumps(seen)},
        "cookies": ["a=1", "b=2"],
        "body": event.get("body")
        if event["isBase64Encoded"]
        else base64.b64encode(event.get("body", "").encode()).decode(),
        "isBase64Encoded": True,
    }


def serving(handler: Handler, **options: Any) -> AbstractContextManager[str]:
    return running(Gateway(handler, **options))


@pytest.fixture(scope="module")
def url():
    with serving(echo) as address:
        yield address


def raw_exchange(url: str, request: bytes) -> bytes:
    """Send bytes, and give all that comes back until the server closes."""
    with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), timeout=WAIT_S) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_a_body_travels_there_and_back_unchanged(http: httpx.Client, url: str):
    image = bytes(range(256)) * 4_000
    answer = http.post(f"{url}/v1/predictions?explain=true", content=image, headers={"content-type": "image/jpeg"})
    assert answer.content == image
    event = json.loads(answer.headers["x-event"])
    assert event["queryStringParameters"] == {"explain": "true"}
    assert event["requestContext"]["http"]["method"] == "POST"
    assert event["requestContext"]["http"]["sourceIp"] == "127.0.0.1"
    assert 0 < event["context"]["remaining_ms"] <= 30_000


def test_the_path_reaches_the_handler_decoded(http: httpx.Client, url: str):
    answer = http.get(f"{url}/v1/a%20b%2F%C3%A9")
    assert json.loads(answer.headers["x-event"])["rawPath"] == "/v1/a b/é"


def test_cookies_come_as_one_header_each(http: httpx.Client, url: str):
    answer = http.get(url, headers={"cookie": "x=1; y=2"})
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert json.loads(answer.headers["x-event"])["cookies"] == ["x=1", "y=2"]


def test_a_chunked_body_is_put_together(http: httpx.Client, url: str):
    answer = http.post(url, content=iter([b"one", b"two"]), headers={"content-type": "image/png"})
    assert answer.content == b"onetwo"


def test_an_answer_to_head_has_no_body(http: httpx.Client, url: str):
    answer = http.head(url)
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_refused_and_the_next_request_works(http: httpx.Client, url: str, chunked: bool):
    body = bytes(MAX_EVENT_BYTES + 1)
    answer = http.post(url, content=iter([body]) if chunked else body, headers={"content-type": "image/png"})
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")
    assert "/v1/uploads" in answer.json()["detail"]
    assert http.post(url, content=b"next").content == b"next"


def test_a_body_that_is_too_large_only_as_base64_is_refused(http: httpx.Client, url: str):
    body = bytes(MAX_EVENT_BYTES - 1_000_000)
    assert http.post(url, content=body, headers={"content-type": "image/png"}).status_code == 413
    assert http.post(url, content=b"a" * len(body), headers={"content-type": "text/plain"}).status_code == 200


def test_an_announced_giant_is_refused_before_it_is_sent(url: str):
    request = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\nexpect: 100-continue\r\n\r\n"
    answer = raw_exchange(url, request)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"100 Continue" not in answer


def test_what_is_no_http_is_refused_and_the_server_lives(http: httpx.Client, url: str):
    assert raw_exchange(url, b"\x16\x03\x01 hello\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert http.get(url).status_code == 200


def test_a_handler_that_raises_gives_a_500_and_the_next_call_works(http: httpx.Client):
    def moody(event: dict[str, Any], context: Any) -> dict[str, Any]:
        if event["rawPath"] == "/fall":
            raise RuntimeError("secret detail")
        return {"statusCode": 204}

    with serving(moody) as url:
        answer = http.get(f"{url}/fall")
        assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
        assert "secret" not in answer.text
        assert http.get(f"{url}/stand").status_code == 204


def test_an_answer_that_is_none_gives_a_500(http: httpx.Client):
    with serving(lambda event, context: {"statusCode": "teapot"}) as url:
        assert http.get(url).status_code == 500


def test_calls_never_overlap(http: httpx.Client):
    inside = threading.Semaphore(1)
    overlaps = []

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        if not inside.acquire(blocking=False):
            overlaps.append(event)
            return {"statusCode": 500}
        time.sleep(0.005)
        inside.release()
        return {"statusCode": 200}

    with serving(handler) as url, ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: http.get(url).status_code, range(40)))
    assert (statuses, overlaps) == ([200] * 40, [])


def test_more_than_may_wait_are_told_to_come_back(http: httpx.Client):
    release = threading.Event()

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        release.wait(WAIT_S)
        return {"statusCode": 200}

    with serving(handler, max_waiting=2, timeout_s=WAIT_S) as url, ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(http.get, url) for _ in range(4)]
        refused = [call.result() for call in islice(as_completed(calls), 2)]
        release.set()
        statuses = sorted(call.result().status_code for call in calls)
    assert [answer.headers["retry-after"] for answer in refused] == ["1", "1"]
    assert statuses == [200, 200, 429, 429]


def test_a_handler_that_hangs_is_given_up(http: httpx.Client):
    release = threading.Event()

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        release.wait(WAIT_S)
        return {"statusCode": 200}

    with serving(handler, timeout_s=0.2) as url:
        answer = http.get(url)
        release.set()
    assert (answer.status_code, answer.json()["title"]) == (503, "Service Unavailable")


def test_those_who_send_slowly_keep_nobody_from_an_answer(http: httpx.Client):
    head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-type: image/png\r\ncontent-length: 1000\r\n\r\nx"
    with serving(echo, max_waiting=5) as url, contextlib.ExitStack() as trickling:
        place = (urlsplit(url).hostname, urlsplit(url).port)
        for _ in range(50):
            trickling.enter_context(socket.create_connection(place, timeout=WAIT_S)).sendall(head)
        assert http.post(url, content=b"whole", headers={"content-type": "image/png"}).content == b"whole"


def test_no_more_bodies_than_allowed_are_read_at_a_time(monkeypatch: pytest.MonkeyPatch, http: httpx.Client):
    monkeypatch.setattr(gateway, "MAX_READING", 2)
    head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\nexpect: 100-continue\r\n\r\n"
    with serving(echo) as url, contextlib.ExitStack() as trickling:
        for _ in range(2):
            place = (urlsplit(url).hostname, urlsplit(url).port)
            connection = trickling.enter_context(socket.create_connection(place, timeout=WAIT_S))
            connection.sendall(head)
            assert connection.recv(1024).startswith(b"HTTP/1.1 100 ")  # it is being read
        assert http.get(url).status_code == 429


def test_a_body_that_trickles_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gateway, "GRACE_S", 0.1)
    with serving(echo, timeout_s=10 * WAIT_S) as url:
        answer = raw_exchange(
            url, b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\nexpect: 100-continue\r\n\r\nx"
        )
    assert b"HTTP/1.1 408 " in answer


@pytest.mark.parametrize(
    ("least_bytes_s", "pieces", "pause_s", "timeout_s", "status"),
    [
        (1, [b"x" * 900, b"x" * 100], 0.5, 10 * WAIT_S, 200),
        (10_000, [b"x"] * 40, 0.02, 10 * WAIT_S, 408),
        (1, [b"x"] * 40, 0.02, 0.2, 408),
    ],
    ids=["fast enough", "a byte at a time", "longer than a request may take"],
)
def test_a_body_has_the_time_that_its_length_earns(
    monkeypatch: pytest.MonkeyPatch,
    least_bytes_s: int,
    pieces: list[bytes],
    pause_s: float,
    timeout_s: float,
    status: int,
):
    monkeypatch.setattr(gateway, "GRACE_S", 0.25)
    monkeypatch.setattr(gateway, "MIN_BYTES_S", least_bytes_s)
    head = f"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {sum(map(len, pieces))}\r\n\r\n".encode()
    with serving(echo, timeout_s=timeout_s) as url:
        place = (urlsplit(url).hostname, urlsplit(url).port)
        with socket.create_connection(place, timeout=WAIT_S) as connection:
            connection.sendall(head)
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(pause_s)
            assert connection.recv(1024).startswith(f"HTTP/1.1 {status} ".encode())


@pytest.mark.parametrize(
    ("before", "begun"),
    [
        (b"", b""),
        (b"", b"GET / HTTP/1.1\r\nhost: x\r\n"),
        (b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", b"GET / HT"),
    ],
)
def test_a_head_that_never_comes_ends_its_connection(monkeypatch: pytest.MonkeyPatch, before: bytes, begun: bytes):
    monkeypatch.setattr(deadlines, "HEADERS_S", 0.2)
    with serving(echo) as url:
        place = (urlsplit(url).hostname, urlsplit(url).port)
        with socket.create_connection(place, timeout=WAIT_S) as connection:
            connection.sendall(before)
            if before:
                assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
            connection.sendall(begun)
            while connection.recv(65_536):  # until the server closes
                pass


def test_a_head_that_trickles_ends_its_connection(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(deadlines, "HEADERS_S", 0.2)
    with serving(echo) as url:
        place = (urlsplit(url).hostname, urlsplit(url).port)
        with socket.create_connection(place, timeout=WAIT_S) as connection, pytest.raises(ConnectionError):
            send_slowly(connection)


def send_slowly(connection: socket.socket) -> None:
    """Send a head for ten seconds, each line well before a deadline of 0.2 s."""
    connection.sendall(b"GET / HTTP/1.1\r\n")
    for number in range(200):
        connection.sendall(f"x-{number}: y\r\n".encode())
        time.sleep(0.05)


def test_a_client_that_leaves_in_the_middle_harms_nobody(http: httpx.Client, url: str):
    with socket.create_connection((urlsplit(url).hostname, urlsplit(url).port)) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nonly this")
    assert http.get(url).status_code == 200
