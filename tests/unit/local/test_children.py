"""Real child processes: they end with their parent, however it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local.children import Child, ChildError

SLEEPER = ["timeit", "-n", "1", "-r", "1", "import time; time.sleep(3600)"]
WAIT_S = 120  # whatever else the machine does
PARENT = """
import os, signal, sys, time
from pathlib import Path
from local.children import Child
# Started by a shell in the background, Python inherits Ctrl-C as ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
with Child("sleeper", {sleeper!r}, Path(sys.argv[1]), dict(os.environ)) as child:
    print(child.pid, flush=True)
    time.sleep(3600)
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie has ended; its parent only has not looked.
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")


def wait_until_gone(pid: int) -> bool:
    deadline_s = time.monotonic() + WAIT_S
    while alive(pid) and time.monotonic() < deadline_s:
        time.sleep(0.05)
    return not alive(pid)


def test_leaving_the_with_ends_the_child(tmp_path: Path):
    with Child("sleeper", SLEEPER, tmp_path, dict(os.environ)) as child:
        child.check()
        assert alive(child.pid)
    assert not alive(child.pid)


def test_what_a_child_started_ends_with_it(tmp_path: Path):
    sleeper = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(3600)'])"
    starts = f"import subprocess, sys, time; print({sleeper}.pid, flush=True); time.sleep(3600)"
    with Child("starter", ["timeit", "-n", "1", "-r", "1", starts], tmp_path, dict(os.environ)) as child:
        child.wait_until(lambda: child.log.read_bytes().endswith(b"\n"), WAIT_S)
        pid = int(child.log.read_text())
        assert alive(pid)
    assert wait_until_gone(pid)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_child_ends_with_its_parent(tmp_path: Path, number: signal.Signals):
    command = [sys.executable, "-c", PARENT.format(sleeper=SLEEPER), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(number)
        parent.wait(WAIT_S)
        assert wait_until_gone(pid)


def test_a_child_that_fails_is_told_with_the_end_of_its_log(tmp_path: Path):
    with (
        Child("broken", ["timeit", "raise ValueError('out of stain')"], tmp_path, dict(os.environ)) as child,
        pytest.raises(ChildError, match=r"broken ended with status 1(?s:.*)out of stain"),
    ):
        child.wait_until(lambda: False, WAIT_S)


def test_a_child_that_never_is_ready_is_told(tmp_path: Path):
    with (
        Child("sleeper", SLEEPER, tmp_path, dict(os.environ)) as child,
        pytest.raises(ChildError, match=r"not ready after 0\.2 s"),
    ):
        child.wait_until(lambda: False, 0.2)
