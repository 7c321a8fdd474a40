"""The API and the page as a laboratory runs them: processes of their own on free ports."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.surroundings import free_port

ROOT = Path(__file__).resolve().parents[2]
READY_S = 240.0


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
def api(log: Path, port: int | None = None, **environment: str) -> Iterator[str]:
    address = f"http://127.0.0.1:{port or free_port()}"
    command = [sys.executable, "-m", "local", "serve", "--port", address.rsplit(":", 1)[1]]
    with started(command, f"{address}/v1/health", log, **environment):
        yield address


@contextlib.contextmanager
def page(api_address: str, log: Path, port: int | None = None, **environment: str) -> Iterator[str]:
    port = port or free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "frontend", "--port", str(port)]
    with started(command, f"{address}/_stcore/health", log, LEUKOLENS_API_URL=api_address, **environment):
        yield address


@contextlib.contextmanager
def page_container(engine: str, image: str, api_address: str, log: Path) -> Iterator[str]:
    """Run the built image as it runs in service: read-only, no rights, a tmpfs."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    name = f"leukolens-page-{port}"
    command = [engine, "run", "--rm", "--name", name, "--network", "host", "--read-only", "--tmpfs", "/tmp"]
    command += ["--cap-drop", "all", "--env", f"LEUKOLENS_API_URL={api_address}", image]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    try:
        with started(command, f"{address}/_stcore/health", log):
            yield address
    finally:
        subprocess.run(
            [engine, "rm", "--force", name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
        )


@contextlib.contextmanager
def proxy(upstream: str, folder: Path) -> Iterator[str]:
    """Run an nginx that, like App Runner, passes no upgrade and cuts a request after 120 s."""
    port = free_port()
    folder.mkdir(exist_ok=True)
    scratch = "".join(
        f"{kind}_temp_path {folder}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    configuration = folder / "nginx.conf"
    configuration.write_text(
        # Its workers must reach this folder, too; where nginx is not root, it takes no notice of the user.
        f"user root; daemon off; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ access_log off; client_max_body_size 30m; {scratch}\n"
        f"  server {{ listen 127.0.0.1:{port}; location / {{\n"
        f"    proxy_pass {upstream}; proxy_read_timeout 120s; proxy_send_timeout 120s; }} }} }}\n"
    )
    address = f"http://127.0.0.1:{port}"
    with started(["nginx", "-c", str(configuration)], f"{address}/_stcore/health", folder / "error.log"):
        yield address
