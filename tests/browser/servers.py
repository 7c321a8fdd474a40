"""The API and the page as a laboratory runs them: processes of their own on free ports."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
READY_S = 90.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def started(command: list[str], ready: str, log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command until the block ends; ``ready`` is an address that answers 200 once it is up."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LEUKOLENS_")}
    with log.open("ab") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=clean | environment, stdout=out, stderr=subprocess.STDOUT)
    try:
        wait_for(ready, process, log)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(address, trust_env=False).status_code == 200:
                return
        time.sleep(0.1)
    raise AssertionError(f"{address} did not come up; its log ends with:\n{log.read_text()[-2000:]}")


@contextlib.contextmanager
def api(log: Path, port: int | None = None) -> Iterator[str]:
    address = f"http://127.0.0.1:{port or free_port()}"
    command = [sys.executable, "-m", "local", "serve", "--port", address.rsplit(":", 1)[1]]
    with started(command, f"{address}/v1/health", log):
        yield address


@contextlib.contextmanager
def page(api_address: str, log: Path, **environment: str) -> Iterator[str]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "frontend", "--port", str(port)]
    with started(command, f"{address}/_stcore/health", log, LEUKOLENS_API_URL=api_address, **environment):
        yield address
