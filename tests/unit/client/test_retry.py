"""Trying again, against a server that fails as told."""

import email.utils
import socket
import time
from collections.abc import Callable

import httpx
import pytest

from client import (
    LeukolensClient,
    NotAllowedError,
    RequestError,
    RetryPolicy,
    TooManyRequestsError,
    UnavailableError,
    UnreachableError,
)
from client.retry import retry_after_s

from .scripted import Reply, Scripted

Script = Callable[..., Scripted]
HEALTHY = Reply(200, b'{"status": "ok", "model": {"version": "1", "sha256": "%s"}}' % (b"0" * 64))


@pytest.mark.parametrize("failure", [Reply(429), Reply(500), Reply(502), Reply(503), Reply(504), Reply(0)])
def test_what_passes_is_tried_again(scripted: Script, quick: RetryPolicy, failure: Reply):
    api = scripted(failure, failure, HEALTHY)
    with LeukolensClient(api.url, retry=quick) as leukolens:
        assert leukolens.health().status == "ok"
    assert len(api.seen) == 3


@pytest.mark.parametrize(
    ("failure", "error"),
    [(Reply(429), TooManyRequestsError), (Reply(503), UnavailableError), (Reply(0), UnreachableError)],
)
def test_the_tries_have_an_end(scripted: Script, quick: RetryPolicy, failure: Reply, error: type[Exception]):
    api = scripted(failure)
    with LeukolensClient(api.url, retry=quick) as leukolens, pytest.raises(error):
        leukolens.health()
    assert len(api.seen) == 4


@pytest.mark.parametrize(("status", "error"), [(400, RequestError), (401, NotAllowedError), (418, RequestError)])
def test_what_would_fail_again_is_not_tried_again(
    scripted: Script, quick: RetryPolicy, status: int, error: type[Exception]
):
    api = scripted(Reply(status, b"plain words of a proxy"))
    with LeukolensClient(api.url, retry=quick) as leukolens, pytest.raises(error, match="plain words of a proxy"):
        leukolens.health()
    assert len(api.seen) == 1


def test_a_silent_server_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with (
            LeukolensClient(url, timeout_s=0.1, retry=RetryPolicy(attempts=2, base_s=0.0)) as leukolens,
            pytest.raises(UnreachableError, match="2 tries"),
        ):
            leukolens.health()


def test_the_service_says_when_to_come_back(scripted: Script, quick: RetryPolicy):
    api = scripted(Reply(429, headers={"retry-after": "1"}), HEALTHY)
    start_s = time.monotonic()
    with LeukolensClient(api.url, retry=quick) as leukolens:
        leukolens.health()
    assert time.monotonic() - start_s >= 1.0


def test_a_wait_that_is_too_long_is_not_begun(scripted: Script):
    api = scripted(Reply(503, headers={"retry-after": "3600"}))
    with LeukolensClient(api.url) as leukolens, pytest.raises(UnavailableError):
        leukolens.health()
    assert len(api.seen) == 1


def test_waits_grow_to_a_cap_and_are_jittered():
    longest = RetryPolicy(attempts=9, base_s=1.0, cap_s=5.0, uniform=lambda _, high: high)
    assert [longest.wait_s(attempt, None) for attempt in range(1, 6)] == [1.0, 2.0, 4.0, 5.0, 5.0]
    assert longest.wait_s(9, None) is None
    drawn = {RetryPolicy().wait_s(3, None) for _ in range(20)}
    assert len(drawn) == 20
    assert all(wait_s is not None and 0.0 <= wait_s <= 1.0 for wait_s in drawn)


def test_a_success_is_not_waited_for():
    assert RetryPolicy().wait_s(1, httpx.Response(404)) is None


def test_retry_after_is_read_in_both_forms():
    assert retry_after_s("12") == 12.0
    date = email.utils.formatdate(time.time() + 3600, usegmt=True)
    assert 3000 < (retry_after_s(date) or 0) <= 3600
    assert retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert (retry_after_s(None), retry_after_s("soon")) == (None, None)


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"base_s": -1.0}])
def test_a_policy_that_means_nothing_is_refused(wrong: dict[str, float]):
    with pytest.raises(ValueError, match="attempts"):
        RetryPolicy(**wrong)  # type: ignore[arg-type]
