"""The real stacks, deployed into the emulator by the real CLI and used over HTTP; and what goes wrong before that."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.rehearsal.steps import STEPS

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "infra.rehearsal"]
WAIT_S = 120  # whatever else the machine does

pytestmark = [
    pytest.mark.rehearsal,
    pytest.mark.timeout(1800),  # a whole deployment: a minute, and many where the machine is busy
    pytest.mark.skipif(
        not (ROOT / ".tools" / "ministack" / "bin" / "python").exists(), reason="no emulator: run make setup"
    ),
]


def _rehearse(*arguments, timeout_s=1500):
    return subprocess.run([*COMMAND, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=timeout_s)


@pytest.mark.slow
@pytest.mark.container
def test_every_step_passes_and_the_container_answers(engine):
    done = _rehearse("--engine", engine)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{engine} built" in done.stdout
    assert re.search(r"deploy: .* API at http://\w+\.execute-api\.localhost:\d+", done.stdout)
    assert re.fullmatch(rf"rehearsal: {len(STEPS)} passed, 0 failed", lines[-1])
    # What the emulator allows and AWS would not was looked for, and the reader is told how far that goes.
    enforced = ("refuse what roles do not allow", "compare as pull request", "change setting")
    for step in (*enforced, "reach readers", "name regions", "hold exports", "check schemas"):
        assert re.search(rf"^ok +[\d.]+ s  {step}: ", done.stdout, re.MULTILINE), step
    assert "\nproved here: " in done.stdout
    assert "\nnot proved here: " in done.stdout


@pytest.mark.slow
def test_without_an_engine_a_process_answers():
    done = _rehearse("--engine", "none", "--until", "predict")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "processes of this machine answer" in done.stdout
    assert re.search(r"predict: (real|synthetic) .*: .+, (accepted|uncertain|out_of_distribution)", done.stdout)


def test_a_port_in_use_is_named_and_nothing_is_left(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*COMMAND, "--port", str(port), "--engine", "none"],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(tmp_path)},
            capture_output=True,
            text=True,
        )
    assert done.returncode == 1
    assert f"port {port} is in use" in done.stdout
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_an_engine_that_does_not_exist_is_named():
    done = _rehearse("--engine", "no-such-engine")
    assert done.returncode == 1
    assert "no-such-engine" in done.stdout
    assert "Traceback" not in done.stderr


def test_ended_half_way_it_leaves_neither_process_nor_file(tmp_path):
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    command = [*COMMAND, "--engine", "none"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()  # the first step, so the emulator runs
        process.send_signal(signal.SIGTERM)
        process.wait(WAIT_S)
    assert process.returncode != 0
    assert not list(tmp_path.glob("leukolens-rehearsal-*"))
    deadline_s = time.monotonic() + WAIT_S
    while _processes_that_name(str(tmp_path)):  # one that was just killed may still be listed
        assert time.monotonic() < deadline_s
        time.sleep(0.2)


def _processes_that_name(text):
    """List processes whose environment holds ``text``: the emulator's and its children's do."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if text in (folder / "environ").read_text("utf-8", "replace"):
                found.append(folder.name)
        except OSError:
            continue
    return found
