"""The Runtime API as the runtime client in the image sees it."""

import http.client
import json
import threading
import time
import urllib.error
import urllib.request

import pytest

from infra.rehearsal.runtime_api import FunctionError, RuntimeApi

PREFIX = "/2018-06-01/runtime"


def _send(api, method, path, body=None):
    request = urllib.request.Request(f"http://{api.address}{path}", data=body, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.status, dict(answer.headers), answer.read()


def _serve_one(api, kind, body):
    def serve():
        try:
            _, headers, event = _send(api, "GET", f"{PREFIX}/invocation/next")
        except http.client.RemoteDisconnected:  # forgotten, or the server closed
            return
        seen.append((headers, json.loads(event)))
        _send(api, "POST", f"{PREFIX}/invocation/{headers['Lambda-Runtime-Aws-Request-Id']}/{kind}", body)

    seen = []
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return thread, seen


@pytest.fixture
def api():
    with RuntimeApi("f") as api:
        yield api


def test_an_event_reaches_the_client_and_its_answer_the_caller(api):
    thread, seen = _serve_one(api, "response", b'{"answer": 1}')
    assert api.invoke({"question": "?"}) == {"answer": 1}
    thread.join(60)
    headers, event = seen[0]
    assert event == {"question": "?"}
    assert headers["Lambda-Runtime-Invoked-Function-Arn"].endswith(":function:f")
    assert int(headers["Lambda-Runtime-Deadline-Ms"]) > time.time() * 1000


def test_the_emulator_invokes_by_post(api):
    _serve_one(api, "response", b'{"answer": 2}')
    status, _, body = _send(api, "POST", "/", b'{"question": "?"}')
    assert (status, json.loads(body)) == (200, {"answer": 2})


def test_an_error_of_the_function_is_the_callers_error(api):
    _serve_one(api, "error", b'{"errorMessage": "no model"}')
    with pytest.raises(FunctionError, match="no model"):
        api.invoke({})
    _serve_one(api, "error", b'{"errorMessage": "no model"}')
    with pytest.raises(urllib.error.HTTPError, match="502"):
        _send(api, "POST", "/", b"{}")


def test_a_function_that_cannot_start_answers_nothing(api):
    _send(api, "POST", f"{PREFIX}/init/error", b'{"errorMessage": "wrong hash"}')
    with pytest.raises(FunctionError, match="wrong hash"):
        api.invoke({})


def test_nobody_polls_and_the_caller_is_told(api):
    with pytest.raises(FunctionError, match=r"f gave no answer in 0\.1 s"):
        api.invoke({}, timeout_s=0.1)


def test_an_ended_poller_takes_no_event(api):
    ended, seen_by_ended = _serve_one(api, "response", b'{"from": "the ended"}')
    api.wait_until_ready(60)
    api.forget_pollers()
    _serve_one(api, "response", b'{"from": "the new"}')
    assert api.invoke({}) == {"from": "the new"}
    assert not seen_by_ended
    assert ended


def test_an_unknown_request_or_path_is_refused(api):
    for method, path in (("POST", f"{PREFIX}/invocation/unknown/response"), ("GET", "/")):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            _send(api, method, path, b"{}" if method == "POST" else None)


def test_who_waits_for_the_function_waits_until_it_polls(api):
    with pytest.raises(FunctionError, match=r"f did not start in 0\.01 s"):
        api.wait_until_ready(0.01)
    _serve_one(api, "response", b"{}")
    api.wait_until_ready(60)


def test_after_its_end_the_next_one_is_waited_for(api):
    _serve_one(api, "response", b"{}")
    api.wait_until_ready(60)
    api.forget_pollers()
    with pytest.raises(FunctionError, match="did not start"):
        api.wait_until_ready(0.01)


def test_a_function_that_cannot_start_is_told_at_once(api):
    _send(api, "POST", f"{PREFIX}/init/error", b"no model")
    with pytest.raises(FunctionError, match="no model"):
        api.wait_until_ready(60)
