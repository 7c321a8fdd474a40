"""``python -m benchmarks.peer_suites FOLDER...``: send every file of other projects' test suites to the service.

Such files are fetched, never committed: source packages of image libraries hold them. All are sent twice: what the
second time adds to memory is a growth, where the first time loads decoders and makes room for the largest picture. Exit
code 1 where an answer was a 5xx other than a 503 with Retry-After, an error was no problem with a reason, the second
answer was another, a file took over 3 s of the processor, or memory grew or went over 700 MB. Not a part of ``python -m
benchmarks``, whose files are all made here.
"""

import argparse
import hashlib
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import httpx
from rich.progress import track

from terminal import open_console

from . import machine
from .local_service import LONGEST_S, TIMEOUT_S, early_and_late, growth_fault, serving, url_of

LARGEST_MB: Final = 700.0
BODY_BYTES: Final = 4_500_000
MAX_BYTES: Final = 25_000_000
PROBLEM: Final = "application/problem+json"


@dataclass(frozen=True)
class Answer:
    """What the service said of one file.

    Attributes
    ----------
    told
        The verdict of an answer, the ``reason`` of a refusal; the problem's type where it has none.
    seconds, processor_s
        On the clock, and of the processor, of the service and of the process that decodes.
    service_mb, decoder_mb
        Memory of the service afterwards, and the highest of the process that decodes.
    fault
        What is wrong with the answer itself; empty where nothing is.
    """

    file: str
    status: int
    told: str
    detail: str
    seconds: float
    processor_s: float
    service_mb: float
    decoder_mb: float
    fault: str = ""


def main() -> int:
    """Send all; gives 1 where something did not hold."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peer_suites", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="of test files, at any depth")
    parser.add_argument("--output", type=Path, default=os.devnull, help="gets a line of JSON for each file")
    options = parser.parse_args()
    files = distinct_files(options.folders)
    if not files:
        parser.error("no file in these folders")
    console = open_console(stderr=True)
    with (
        serving() as (server, port),
        httpx.Client(base_url=url_of(port), timeout=TIMEOUT_S, trust_env=False) as http,
        options.output.open("w", encoding="utf-8", buffering=1) as output,
    ):
        answers = []
        for path in track(files * 2, "Files, twice", console=console, transient=True):
            answers.append(ask(http, server, path))
            output.write(json.dumps(asdict(answers[-1])) + "\n")
    result = summarise(answers[: len(files)], answers[len(files) :])
    sys.stdout.write(json.dumps(result, indent=2) + "\n")
    return int(bool(result["faults"]))


def distinct_files(folders: Iterable[Path]) -> list[Path]:
    """List the files at any depth, in order; the same bytes under many names once."""
    paths = sorted({path for folder in folders for path in folder.rglob("*") if path.is_file()})
    return list({hashlib.sha256(path.read_bytes()).digest(): path for path in reversed(paths)}.values())[::-1]


def ask(http: httpx.Client, server: int, path: Path) -> Answer:
    """Send one file, through an upload where a body may not hold it."""
    data = path.read_bytes()
    before_s, started_s = _processor_s(server), time.perf_counter()
    try:
        answer = _send(http, data)
    except httpx.TransportError as error:
        return Answer(str(path), 0, "", "", 0.0, 0.0, 0.0, 0.0, type(error).__name__)
    seconds = time.perf_counter() - started_s
    # A decoder that was ended takes its time with it: what is left is less than none.
    processor_s = max(0.0, _processor_s(server) - before_s)
    body = json.loads(answer.content) if "json" in answer.headers.get("content-type", "") else {}
    outcome = body.get("reason") or body.get("type", "").rpartition(":")[2]
    if answer.is_success:
        outcome = body.get("prediction", {}).get("verdict", "")
    return Answer(
        str(path),
        answer.status_code,
        outcome,
        str(body.get("detail", "")),
        round(seconds, 3),
        round(processor_s, 3),
        machine.resident_mb(server),
        max((machine.resident_mb(child, peak=True) for child in _children(server)), default=0.0),
        fault_of(answer, body),
    )


def fault_of(answer: httpx.Response, body: dict[str, Any]) -> str:
    """Say what no answer of the service may be; empty where it is none of these."""
    status = answer.status_code
    if status >= 500 and not (status == 503 and "retry-after" in answer.headers):
        return f"status {status}"
    if status >= 400 and answer.headers.get("content-type") != PROBLEM:
        return f"status {status} as {answer.headers.get('content-type')}"
    if status in (413, 415, 422) and not body.get("reason"):
        return f"status {status} without a reason"
    if answer.is_success and not body.get("prediction", {}).get("verdict"):
        return "an answer without a verdict"
    return ""


def summarise(answers: list[Answer], repeated: list[Answer]) -> dict[str, Any]:
    """Count the answers of the first time, and list what did not hold then or the second time."""
    all_answers = [*answers, *repeated]
    early, late = (
        early_and_late([answer.service_mb for answer in series if answer.service_mb])[1]
        for series in (answers, repeated)
    )
    faults = [f"{answer.file}: {answer.fault}" for answer in all_answers if answer.fault]
    faults += [
        f"{first.file}: {first.status} {first.told}, then {second.status} {second.told}"
        for first, second in zip(answers, repeated, strict=True)
        if (first.status, first.told) != (second.status, second.told)
    ]
    faults += [f"{answer.file}: {answer.processor_s:.1f} s" for answer in all_answers if answer.processor_s > LONGEST_S]
    peak = max(answer.service_mb + answer.decoder_mb for answer in all_answers)
    if peak > LARGEST_MB:
        faults.append(f"memory reached {peak:.0f} MB")
    if growth := growth_fault(early, late):
        faults.append(growth)
    return {
        "files": len(answers),
        "statuses": _counted(str(answer.status) for answer in answers),
        "told": _counted(answer.told for answer in answers),
        "longest_processor_s": max(answer.processor_s for answer in all_answers),
        "median_s": median(answer.seconds for answer in answers),
        "memory_mb": {"early": early, "late": late, "highest": round(peak, 1)},
        "faults": faults,
    }


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(Counter(values).most_common())


def _send(http: httpx.Client, data: bytes) -> httpx.Response:
    kind = {"content-type": "application/octet-stream"}
    if len(data) <= BODY_BYTES or len(data) > MAX_BYTES:
        return http.post("/v1/predictions", content=data, headers=kind)
    answer = http.post("/v1/uploads", json={"content_type": "image/tiff", "size_bytes": len(data)})
    if not answer.is_success:
        return answer
    upload = answer.json()
    http.post(upload["url"], data=upload["fields"], files={"file": data}).raise_for_status()
    return http.post("/v1/predictions", json={"upload_id": upload["upload_id"]})


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def _processor_s(pid: int) -> float:
    return sum(machine.processor_ms(process_id) for process_id in (pid, *_children(pid))) / 1e3


if __name__ == "__main__":
    sys.exit(main())
