"""Whatever a caller sends: an answer below 500, a problem where it is refused, and no growth of memory."""

import json
import os
import string
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.app import Application
from api.openapi import ALL_ROUTES
from tests.contract.gateway import event, read
from tests.contract.mutate import mutated, seeds

# As the service itself does (intake/picture.py); pytest sets its own filters.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

MUTATIONS = int(
    os.environ.get("LEUKOLENS_FUZZ_INPUTS", "500")
)  # 1,500 in CI (.ci/run); 5,000 and more for a longer hunt
EXAMPLES = 150
GROWTH_MIB = 48
BOUNDED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

PATHS = st.sampled_from([route.path for route in ALL_ROUTES]) | st.text(max_size=40).map(lambda text: "/" + text)
METHODS = st.sampled_from(["GET", "POST", "PUT", "HEAD", "OPTIONS", "PATCH"]) | st.text(
    string.ascii_letters, max_size=9
)
TYPES = st.builds(
    str.__add__,
    st.sampled_from(["", "image/png", "application/json", "multipart/form-data; ", "multipart/form-data; boundary="]),
    st.sampled_from(["", "xyz"]) | st.text(max_size=60),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
)


def _check(application: Application, sent: dict[str, Any]) -> None:
    answered = read(application(sent, None))
    assert answered.status < 500, answered.body
    if answered.status >= 400:
        assert answered.problem


@BOUNDED
@given(method=METHODS, path=PATHS, query=st.text(max_size=80), kind=TYPES, body=st.binary(max_size=300))
def test_any_request_at_all(
    application: Application, method: str, path: str, query: str, kind: str, body: bytes
) -> None:
    _check(application, event(method, path, query=query, content_type=kind, body=body))


@BOUNDED
@given(
    headers=st.dictionaries(st.text(max_size=20), st.text(max_size=2000), max_size=30),
    request_id=st.text(max_size=200),
    body=st.text(max_size=300),
    encoded=st.booleans(),
)
def test_any_headers_ids_and_malformed_bodies(
    application: Application, headers: dict[str, str], request_id: str, body: str, *, encoded: bool
) -> None:
    sent = event(headers=headers, request_id=request_id) | {"body": body, "isBase64Encoded": encoded}
    _check(application, sent)


@BOUNDED
@given(path=st.sampled_from([route.path for route in ALL_ROUTES if route.body]), value=JSON)
def test_any_json(application: Application, path: str, value: object) -> None:
    _check(application, event("POST", path, body=json.dumps(value).encode(), content_type="application/json"))


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
def test_damaged_images_and_forms(application: Application, sample: bytes) -> None:
    random, bodies = Random(20_261_122), seeds(sample)
    statuses: dict[int, int] = {}
    settled = 0.0
    for number in range(MUTATIONS):
        body, kind = mutated(random, bodies)
        query = random.choice(("", "", "explain=true"))
        answered = read(application(event(body=body, content_type=kind, query=query), None))
        assert answered.status < 500, (number, answered.body)
        if answered.status >= 400:
            assert answered.problem, number
        statuses[answered.status] = statuses.get(answered.status, 0) + 1
        if number == MUTATIONS // 3:
            settled = _resident_mib()
    assert {200, 400, 415, 422} <= set(statuses), f"the damage is one-sided: {statuses}"
    assert _resident_mib() - settled < GROWTH_MIB
    assert application(event(body=sample, content_type="image/png"), None)["statusCode"] == 200
