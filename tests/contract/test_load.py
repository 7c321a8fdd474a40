"""Many callers at once, and a service that dies in the middle: no failure, and no acknowledged feedback lost."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.contract.conftest import ROOT
from tests.surroundings import free_port

REQUESTS = int(os.environ.get("LEUKOLENS_LOAD_REQUESTS", "160"))  # 400 in CI (.ci/run); 5,000 for the whole load
CLIENTS = 32
START_S = 300  # whatever else the machine does

pytestmark = pytest.mark.slow


@contextlib.contextmanager
def _service(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run a laptop's server; whatever is left of it at the end is killed."""
    command = [sys.executable, "-m", "local", "serve", "--port", str(port), "--data", str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"http://127.0.0.1:{port}/v1/health").status_code == 200:
                    break
            time.sleep(0.1)
        else:
            pytest.fail(f"the server did not answer within {START_S} s; its exit code is {process.poll()}")
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def port() -> int:
    return free_port()


def test_many_clients_are_all_answered_alike(tmp_path: Path, port: int, sample: bytes) -> None:
    with _service(tmp_path, port), ThreadPoolExecutor(CLIENTS) as pool, httpx.Client() as client:

        def ask(_: int) -> tuple[int, str]:
            url = f"http://127.0.0.1:{port}/v1/predictions"
            answer = client.post(url, content=sample, headers={"Content-Type": "image/png"}, timeout=60)
            return answer.status_code, str(answer.json().get("probabilities"))

        answers = set(pool.map(ask, range(REQUESTS)))
    assert len(answers) == 1
    assert answers.pop()[0] == 200


def test_feedback_that_was_acknowledged_outlives_a_kill(tmp_path: Path, port: int) -> None:
    url = f"http://127.0.0.1:{port}/v1/feedback"
    # Feedback is taken of answered requests alone; what is looked at here is how it is kept.
    (tmp_path / "answered").write_text("".join(f"r{number}\n" for number in range(REQUESTS)), "ascii")

    def send(client: httpx.Client, number: int) -> int | None:
        """Give the status, or None where the service died before it answered."""
        try:
            return client.post(url, json={"request_id": f"r{number}", "label": "Pre"}, timeout=30).status_code
        except httpx.TransportError:
            return None

    with ThreadPoolExecutor(CLIENTS) as pool, httpx.Client() as client:
        with _service(tmp_path, port) as process:
            sent = [pool.submit(send, client, number) for number in range(REQUESTS)]
            while sum(future.done() for future in sent) < REQUESTS // 4:
                time.sleep(0.005)
            process.kill()
            statuses = [future.result() for future in sent]
        acknowledged = {number for number, status in enumerate(statuses) if status == 201}
        assert len(acknowledged) >= REQUESTS // 4
        assert set(statuses) == {201, None}, "the kill came in the middle, and nothing was refused"
        for number in acknowledged:
            assert len(list((tmp_path / "feedback" / f"r{number}").glob("*.json"))) == 1
        with _service(tmp_path, port):
            again = list(pool.map(lambda number: send(client, number), range(REQUESTS)))
    assert all(again[number] == 200 for number in acknowledged), "kept once, and known again after the restart"
    assert set(again) <= {200, 201}
