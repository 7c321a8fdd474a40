"""The commands, as a person runs them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest
from PIL import Image

from local.cli import main
from tests.surroundings import free_port

ROOT = Path(__file__).resolve().parents[3]
SAMPLE = ROOT / "samples" / "synthetic_pre_01.png"
WAIT_S = 300  # whatever else the machine does


def local(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
    )


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield int(listening.getsockname()[1])


def test_predict_says_what_the_image_shows(lenient_model: Path):
    done = local("predict", SAMPLE, LEUKOLENS_MODEL_DIR=str(lenient_model))
    assert done.returncode == 0, done.stderr
    assert "Triage: " in done.stdout
    assert "PNG, 224 x 224 pixels" in done.stdout
    assert all(label in done.stdout for label in ("Benign", "Early", "Pre", "Pro"))
    assert "Research use only" in done.stdout


@pytest.mark.parametrize("content", [None, b"", b"no image", b"\xff\xd8\xff\xe0 cut short"])
def test_predict_refuses_what_is_no_image(tmp_path: Path, content: bytes | None, capfd: pytest.CaptureFixture[str]):
    path = tmp_path / "field.jpg"
    if content is not None:
        path.write_bytes(content)
    assert main(["predict", str(path)]) == 2
    printed = capfd.readouterr()
    assert printed.out == ""
    assert "field.jpg" in printed.err


def test_predict_shows_a_name_and_does_nothing_in_it(lenient_model: Path, tmp_path: Path):
    hostile, shown = "[bold]a[x]\x1b[2J.png", r"[bold]a[x]\x1b[2J.png"
    path = tmp_path / hostile
    path.write_bytes(SAMPLE.read_bytes())
    done = local("predict", path, LEUKOLENS_MODEL_DIR=str(lenient_model), COLUMNS="300")
    assert f"{shown}: PNG, 224 x 224 pixels" in done.stdout
    path.write_bytes(b"no image")
    assert f"{shown}: " in local("predict", path, LEUKOLENS_MODEL_DIR=str(lenient_model)).stderr


def test_serve_refuses_a_changed_model_by_name(tmp_path: Path):
    for name in ("model.tflite", "model.json"):
        (tmp_path / name).write_bytes((ROOT / "models" / "default" / name).read_bytes())
    with (tmp_path / "model.tflite").open("ab") as model:
        model.write(b"x")
    done = local("serve", "--port", free_port(), LEUKOLENS_MODEL_DIR=str(tmp_path))
    assert done.returncode == 2
    assert str(tmp_path / "model.tflite") in done.stderr
    assert "sha256" in done.stderr


def test_serve_refuses_a_missing_model_by_name(tmp_path: Path):
    done = local("serve", "--port", free_port(), LEUKOLENS_MODEL_DIR=str(tmp_path / "nowhere"))
    assert done.returncode == 2
    assert str(tmp_path / "nowhere") in done.stderr
    assert "Traceback" not in done.stderr


def test_serve_names_a_setting_that_it_cannot_read():
    done = local("serve", "--port", free_port(), LEUKOLENS_MAX_PIXELS="many")
    assert done.returncode == 2
    assert "LEUKOLENS_MAX_PIXELS" in done.stderr
    assert "Traceback" not in done.stderr


def test_serve_says_which_port_is_taken(taken: int):
    done = local("serve", "--port", taken)
    assert done.returncode == 2
    assert f"127.0.0.1:{taken}: Address already in use" in done.stderr


def test_demo_says_which_port_is_taken_before_it_starts_anything(taken: int):
    done = local("demo", "--port", free_port(), "--page-port", taken, "--once")
    assert done.returncode == 2
    assert str(taken) in done.stderr
    assert "PAGE_PORT=" in done.stderr
    assert done.stdout == ""


def test_demo_once_classifies_every_sample_and_leaves_nothing_behind():
    port, page_port = free_port(), free_port()
    done = local("demo", "--port", port, "--page-port", page_port, "--once")
    assert done.returncode == 0, done.stdout + done.stderr
    samples = sorted((ROOT / "samples").glob("synthetic_*.png"))
    assert samples
    assert all(path.name in done.stdout for path in samples)
    assert f"http://127.0.0.1:{port}" in done.stdout
    assert f"http://127.0.0.1:{page_port}" in done.stdout
    assert "Research use only" in done.stdout
    for number in (port, page_port):
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://127.0.0.1:{number}/")


def test_demo_fails_when_the_model_is_wrong(tmp_path: Path):
    done = local("demo", "--port", free_port(), "--page-port", free_port(), "--once", LEUKOLENS_MODEL_DIR=str(tmp_path))
    assert done.returncode == 1
    assert str(tmp_path) in done.stderr


def test_demo_stays_until_it_is_stopped_and_stops_whole(http: httpx.Client):
    port, page_port = free_port(), free_port()
    command = [sys.executable, "-u", "-m", "local", "demo", "--port", str(port), "--page-port", str(page_port)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as demo:
        assert demo.stdout is not None
        try:
            for line in demo.stdout:
                if "Ctrl-C" in line:
                    break
            assert http.get(f"http://127.0.0.1:{port}/v1/health").json()["status"] == "ok"
            assert http.get(f"http://127.0.0.1:{page_port}/").status_code == 200
        finally:  # also where something is wrong: nothing else ends it
            demo.send_signal(signal.SIGTERM)
            stopped = demo.wait(WAIT_S)
        assert stopped == 0
    for address in (port, page_port):
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://127.0.0.1:{address}/")


def test_serve_ends_once_the_file_that_is_being_decoded_is_answered(tmp_path: Path):
    """SIGTERM comes while a process decodes; neither the request nor the process is left behind."""
    port, content = free_port(), BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (2400, 2400, 3), np.uint8)
    Image.fromarray(noise).save(content, "JPEG2000", quality_mode="rates", quality_layers=[40], num_resolutions=1)
    command = [sys.executable, "-m", "local", "serve", "--port", str(port), "--data", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as serving:
        try:
            assert serving.stdout is not None
            serving.stdout.readline()  # it listens
            with ThreadPoolExecutor(1) as pool:
                url = f"http://127.0.0.1:{port}/v1/predictions"
                answer = pool.submit(httpx.post, url, content=content.getvalue(), timeout=WAIT_S)
                decoders = _decoders(serving.pid)
                serving.send_signal(signal.SIGTERM)
                assert serving.wait(WAIT_S) == -signal.SIGTERM  # raised again once all is answered
            assert answer.result().status_code == 200
        finally:
            serving.kill()
    assert decoders
    assert psutil.wait_procs(decoders, WAIT_S)[1] == []  # it hears that nobody will send more


def _decoders(pid: int) -> list[psutil.Process]:
    """Wait for the processes that a server has started."""
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        if found := psutil.Process(pid).children(recursive=True):
            return found
        time.sleep(0.01)
    return []


def test_serving_needs_no_training_package():
    """The demo's environment holds the serving groups alone."""
    program = (
        "import json, sys; sys.modules['tensorflow'] = sys.modules['training'] = None\n"
        "import local.demo, local.server; local.server.load_handler()\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=WAIT_S)
    assert done.returncode == 0, done.stderr
    assert {"keras", "mlflow", "sagemaker", "sklearn"}.isdisjoint(json.loads(done.stdout.splitlines()[-1]))
