from pathlib import Path

import httpx
import pytest

from benchmarks.local_service import TIMEOUT_S, serving, url_of
from benchmarks.machine import ROOT
from benchmarks.peer_suites import PROBLEM, Answer, ask, distinct_files, fault_of, summarise

SAMPLE = ROOT / "samples" / "synthetic_pre_01.png"


def answer(**of: object) -> Answer:
    told = {"file": "a", "status": 200, "told": "accepted", "detail": "", "seconds": 0.1, "processor_s": 0.1}
    return Answer(**{**told, "service_mb": 150.0, "decoder_mb": 100.0, **of})  # type: ignore[arg-type]


def test_the_same_bytes_are_sent_once(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name, content in (("a/one", b"1"), ("a/b/two", b"1"), ("a/b/three", b"3")):
        (tmp_path / name).write_bytes(content)
    assert [path.read_bytes() for path in distinct_files([tmp_path, tmp_path / "a"])] == [b"3", b"1"]


def test_a_folder_of_sound_and_unsound_files_is_answered(tmp_path: Path) -> None:
    sound = SAMPLE.read_bytes()
    contents = {"1.png": sound, "2.png": sound[: len(sound) // 2], "3.txt": b"words", "4.bin": bytes(4_600_000)}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    with (
        serving() as (server, port),
        httpx.Client(base_url=url_of(port), timeout=TIMEOUT_S, trust_env=False) as http,
    ):
        answers, again = ([ask(http, server, path) for path in distinct_files([tmp_path])] for _ in range(2))
    assert [one.status for one in answers] == [200, 422, 415, 415]
    assert [one.told for one in answers][1:] == ["cut-short", "not-an-image", "not-an-image"]
    # Of growth four files tell nothing: the largest is among the last.
    assert [one for one in summarise(answers, again)["faults"] if not one.startswith("memory grew")] == []


@pytest.mark.parametrize(
    ("status", "headers", "body", "fault"),
    [
        (200, {}, {"prediction": {"verdict": "accepted"}}, ""),
        (200, {}, {}, "without a verdict"),
        (422, {"content-type": PROBLEM}, {"reason": "damaged"}, ""),
        (422, {"content-type": PROBLEM}, {}, "without a reason"),
        (422, {"content-type": "text/plain"}, {}, "as text/plain"),
        (500, {"content-type": PROBLEM}, {}, "status 500"),
        (503, {"content-type": PROBLEM}, {}, "status 503"),
        (503, {"content-type": PROBLEM, "retry-after": "1"}, {}, ""),
    ],
)
def test_what_no_answer_may_be_is_a_fault(
    status: int, headers: dict[str, str], body: dict[str, object], fault: str
) -> None:
    said = fault_of(httpx.Response(status, headers=headers), body)
    assert fault in said
    assert bool(said) is bool(fault)


@pytest.mark.parametrize(
    ("last", "fault"),
    [
        ({}, ""),
        ({"processor_s": 3.1}, "3.1 s"),
        ({"decoder_mb": 600.0}, "reached 750 MB"),
        ({"fault": "status 500"}, "status 500"),
    ],
)
def test_what_does_not_hold_over_all_is_told(last: dict[str, object], fault: str) -> None:
    answers = [*(answer() for _ in range(9)), answer(**last)]
    faults = summarise(answers, answers)["faults"]
    assert faults == [] if not fault else fault in str(faults)


@pytest.mark.parametrize(
    ("then", "fault"),
    [
        ({"service_mb": 160.0}, ""),
        ({"service_mb": 200.0}, "grew from 150 to 200 MB"),
        ({"status": 503, "told": "busy"}, "200 accepted, then 503 busy"),
        ({"processor_s": 3.1}, "3.1 s"),
        ({"decoder_mb": 600.0}, "reached 750 MB"),
        ({"fault": "status 500"}, "status 500"),
    ],
)
def test_the_second_time_is_as_the_first(then: dict[str, object], fault: str) -> None:
    # The first file makes room that stays; that is no growth.
    faults = summarise([answer(service_mb=90.0), *[answer()] * 9], [*[answer()] * 9, answer(**then)])["faults"]
    assert faults == [] if not fault else fault in str(faults)
