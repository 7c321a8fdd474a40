"""Many clients at once, and a server that dies in the middle; loopback only, and bounded."""

import base64
import itertools
import os
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx

from api.schemas import FeedbackReceipt, FeedbackRequest
from client import LeukolensClient, LeukolensError, RetryPolicy

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = (ROOT / "samples" / "synthetic_early_01.png").read_bytes()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@contextmanager
def served(port: int, data: Path) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "local", "serve", "--port", str(port), "--data", str(data)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, env=dict(os.environ)) as process:
        try:
            # Refused connections until it listens; then one healthy answer.
            patient = RetryPolicy(attempts=200, base_s=0.1, cap_s=0.1)
            with LeukolensClient(f"http://127.0.0.1:{port}", retry=patient) as leukolens:
                leukolens.health()
            yield process
        finally:
            process.kill()


def test_every_one_of_many_clients_is_answered(tmp_path: Path):
    port = free_port()
    limits = httpx.Limits(max_connections=32, max_keepalive_connections=32)
    with (
        served(port, tmp_path),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, limits=limits) as http,
        ThreadPoolExecutor(32) as pool,
    ):
        headers = {"content-type": "image/png"}
        answers = list(pool.map(lambda _: http.post("/v1/predictions", content=SAMPLE, headers=headers), range(320)))
    assert Counter(answer.status_code for answer in answers) == {200: 320}
    assert len({answer.json()["request_id"] for answer in answers}) == 320
    assert len({answer.json()["prediction"]["probability"] for answer in answers}) == 1


def test_a_kill_in_the_middle_loses_no_acknowledged_feedback(tmp_path: Path):
    """What was acknowledged is on disk, whole, with its image; and the same feedback again changes nothing."""
    port = free_port()
    numbers = itertools.count()
    acknowledged: dict[str, FeedbackReceipt] = {}
    enough = threading.Event()
    image = base64.b64encode(SAMPLE).decode()

    def give(leukolens: LeukolensClient) -> None:
        while True:
            request_id = f"request-{next(numbers)}"
            try:
                acknowledged[request_id] = leukolens.feedback(
                    FeedbackRequest(request_id=request_id, label="Early", consent=True, image_base64=image)
                )
            except LeukolensError:
                return  # the server is gone
            if len(acknowledged) >= 40:
                enough.set()

    once = RetryPolicy(attempts=1)
    with (
        served(port, tmp_path) as server,
        LeukolensClient(f"http://127.0.0.1:{port}", retry=once) as leukolens,
        ThreadPoolExecutor(8) as pool,
    ):
        givers = [pool.submit(give, leukolens) for _ in range(8)]
        assert enough.wait(60)
        server.kill()
        for giver in givers:
            giver.result(60)

    assert len(acknowledged) >= 40
    for request_id in acknowledged:
        kept = tmp_path / "feedback" / request_id
        assert [path.read_bytes() for path in kept.glob("*.png")] == [SAMPLE]
        assert len(list(kept.glob("*.json"))) == 1

    with served(port, tmp_path), LeukolensClient(f"http://127.0.0.1:{port}") as leukolens:
        for request_id in list(acknowledged)[:3]:
            again = FeedbackRequest(request_id=request_id, label="Early", consent=True, image_base64=image)
            assert leukolens.feedback(again).already_stored
