"""A job over two instances, as two processes of this machine, and over two devices of one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.surroundings import free_port

ROOT = Path(__file__).resolve().parents[4]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # processes with TensorFlow: minutes on a busy machine


@pytest.fixture(scope="module")
def fits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder in which every fit wrote down what came of it."""
    folder = tmp_path_factory.mktemp("fits")
    program, ports = Path(__file__).with_name("fits_together.py"), [str(free_port()), str(free_port())]
    ended = subprocess.run(
        [sys.executable, str(program), str(folder), *ports],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'lambda'}"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    return folder


def test_two_instances_share_each_batch_and_end_with_one_network(fits: Path) -> None:
    first, second = (json.loads((fits / f"{rank}.json").read_text()) for rank in (0, 1))
    assert first["replicas"] == 2
    # 16 fields in batches of 8, three times: the batch is the job's, not each instance's.
    assert first["steps"] == 6
    assert first["loss"] == second["loss"]
    for mine, theirs in zip(first["weights"], second["weights"], strict=True):
        np.testing.assert_allclose(mine, theirs)


def test_two_devices_of_an_instance_end_with_the_network_of_one(fits: Path) -> None:
    one, two = (json.loads((fits / "devices.json").read_text())[name] for name in ("one", "two"))
    assert (one["replicas"], two["replicas"]) == (1, 2)
    assert one["steps"] == two["steps"] == 3
    assert one["loss"][-1] < one["loss"][0] - 0.01
    np.testing.assert_allclose(one["loss"], two["loss"], rtol=1e-4)
    for alone, mirrored in zip(one["weights"], two["weights"], strict=True):
        np.testing.assert_allclose(alone, mirrored, atol=1e-4)
