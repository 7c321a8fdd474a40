from collections import Counter

import httpx
import pytest

from benchmarks import soak
from benchmarks.soak import Observations, hostile_requests, summarise


def seen(longest_s: float = 0.1, late_mb: float = 100.0) -> Observations:
    return Observations(
        Counter({"200": 3}), Counter({"415": 1}), [0.1, 0.1, longest_s], [], [100.0] * 15 + [late_mb] * 15
    )


@pytest.mark.parametrize(
    ("found", "fault"), [(seen(), ""), (seen(longest_s=3.1), "longest request"), (seen(late_mb=120.0), "memory grew")]
)
def test_what_does_not_hold_is_a_fault(found: Observations, fault: str) -> None:
    result = summarise(found, 2.0)
    assert result["faults"] == [] if not fault else fault in str(result["faults"])
    held = {"no_answer_but_those_allowed": True, "others_within_3_s": True, "memory_flat": True}
    lost = {"longest request": "others_within_3_s", "memory grew": "memory_flat"}.get(fault)
    assert result["held"] == (held | {lost: False} if lost else held)


@pytest.mark.parametrize(
    ("status", "headers", "hostile", "fault"),
    [
        (200, {}, False, False),
        (503, {"retry-after": "1"}, True, False),
        (422, {}, True, False),
        (503, {}, True, True),
        (500, {}, True, True),
        (500, {}, False, True),
        (429, {}, False, True),
        (503, {"retry-after": "1"}, False, True),
    ],
)
def test_only_a_503_that_says_when_to_come_back_is_excused(
    status: int, headers: dict[str, str], hostile: bool, fault: bool
) -> None:
    found = Observations()
    transport = httpx.MockTransport(lambda _: httpx.Response(status, headers=headers))
    with httpx.Client(transport=transport, base_url="http://api") as http:
        soak._send(http, found, "/v1/predictions", {}, b"", hostile=hostile)
    assert bool(found.faults) is fault


def test_what_attackers_send_is_small_enough_to_be_read() -> None:
    for path, _, body in hostile_requests():
        assert len(body) < 4_500_000, path
