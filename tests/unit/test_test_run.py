"""What a test run says of itself: what did not run and why, and what each of its processes took."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import conftest

ROOT = Path(__file__).resolve().parents[2]
BALLAST_BYTES = 250_000_000
SKIPPING = """
import pytest

@pytest.mark.parametrize("number", range(5))
def test_needs(number):
    pytest.skip("no Chromium: apt-get install chromium")

def test_needs_else():
    pytest.skip("no engine: install podman")

def test_runs():
    pass
"""


# Some package installs a `tests` of its own, which would be found first.
HOOKS = f"""
import sys
import types

sys.modules["tests"] = types.ModuleType("tests")
sys.modules["tests"].__path__ = [{str(ROOT / "tests")!r}]

from tests.conftest import pytest_terminal_summary, pytest_xdist_make_scheduler
"""


@pytest.mark.parametrize("parallel", [[], ["-n", "1"]])
def test_a_reason_is_one_line_and_each_process_tells_what_it_took(tmp_path: Path, parallel: list[str]) -> None:
    (tmp_path / "test_some.py").write_text(SKIPPING)
    (tmp_path / "conftest.py").write_text(HOOKS)
    plugins = ["-p", "benchmarks.test_run", "-p", "no:cacheprovider", *parallel]
    options = ["--rootdir", str(tmp_path), "-c", os.devnull, "-m", "not (browser or container)"]
    ballast = b"1" * BALLAST_BYTES  # what this process holds is not the other's
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'lambda'}"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, *options, str(tmp_path)],
        cwd=ROOT,
        env={name: value for name, value in environment.items() if name != "LEUKOLENS_REQUIRE_ALL"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert len(ballast) == BALLAST_BYTES
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines.count("not run: 5 tests: no Chromium: apt-get install chromium") == 1
    assert lines.count("not run: 1 test: no engine: install podman") == 1
    assert "left out: (browser or container); make test-all runs them" in lines
    assert sum("SKIPPED" in line for line in lines) == 0
    (row,) = [line.split() for line in lines if line.startswith("gw0 " if parallel else "pytest ")]
    wall_s, processor_s, peak_mib = map(float, row[1:4])
    assert wall_s > 0
    assert processor_s > 0
    assert 10 < peak_mib < BALLAST_BYTES / 2**20


def test_processes_are_bounded_by_cores_and_by_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conftest, "WORKER_BYTES", 1)
    assert conftest.pytest_xdist_auto_num_workers() == os.cpu_count() + 1
    monkeypatch.setattr(conftest, "WORKER_BYTES", 2**60)
    assert conftest.pytest_xdist_auto_num_workers() == 1
