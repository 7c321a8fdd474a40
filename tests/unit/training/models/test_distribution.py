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


@pytest.mark.slow
@pytest.mark.timeout(1800)  # processes that load TensorFlow: minutes each where the machine is busy
def test_two_instances_share_each_batch_and_end_with_one_network(tmp_path: Path) -> None:
    program, ports = Path(__file__).with_name("two_workers.py"), [str(free_port()), str(free_port())]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'lambda'}"}
    logs = [tmp_path / f"{rank}.log" for rank in (0, 1)]
    workers = []
    for rank, log in enumerate(logs):
        with log.open("wb") as file:
            command = [sys.executable, str(program), str(rank), *ports, str(tmp_path)]
            workers.append(subprocess.Popen(command, env=environment, stdout=file, stderr=subprocess.STDOUT))
    codes = [worker.wait(500) for worker in workers]
    assert codes == [0, 0], "\n".join(log.read_text()[-2000:] for log in logs)
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))
    assert first["replicas"] == 2
    # 16 fields in batches of 8, three times: the batch is the job's, not each instance's.
    assert first["steps"] == 6
    assert first["loss"] == second["loss"]
    for mine, theirs in zip(first["weights"], second["weights"], strict=True):
        np.testing.assert_allclose(mine, theirs)


@pytest.mark.slow
@pytest.mark.timeout(1800)  # a process that loads TensorFlow: minutes where the machine is busy
def test_two_devices_of_an_instance_end_with_the_network_of_one(tmp_path: Path) -> None:
    program = Path(__file__).with_name("two_devices.py")
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'lambda'}"}
    fitted = subprocess.run(
        [sys.executable, str(program), str(tmp_path)], env=environment, capture_output=True, text=True, check=False
    )
    assert fitted.returncode == 0, fitted.stderr[-2000:]
    one, two = (json.loads((tmp_path / "told.json").read_text())[name] for name in ("one", "two"))
    assert (one["replicas"], two["replicas"]) == (1, 2)
    assert one["steps"] == two["steps"] == 3
    assert one["loss"][-1] < one["loss"][0] - 0.01
    np.testing.assert_allclose(one["loss"], two["loss"], rtol=1e-4)
    for alone, mirrored in zip(one["weights"], two["weights"], strict=True):
        np.testing.assert_allclose(alone, mirrored, atol=1e-4)
