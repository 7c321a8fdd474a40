"""A job as SageMaker runs it: its local mode, a container, a real MLflow server over HTTP."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.children import Child
from tests.surroundings import free_port
from training.data.synthetic import draw_field, write_dataset
from training.sagemaker_jobs.image import code_bundle

pytestmark = [pytest.mark.container, pytest.mark.slow]

IMAGE = "public.ecr.aws/docker/library/python:3.13-slim"
"""Brings a shell, a Python for SageMaker's scripts and the libraries that a Python needs. TensorFlow takes minutes to
install, so the job runs on this machine's own Python and packages, mounted as channels."""
ML = "/opt/ml/input/data"


@pytest.fixture(scope="module")
def docker_api(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let SageMaker's local mode find a Docker API and a `docker` command."""
    if shutil.which("docker-compose") is None and "docker" not in engine:
        pytest.skip("no docker-compose: apt-get install docker-compose")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAGEMAKER_VALIDATE_ROLE", "false")
        patch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        folder = tmp_path_factory.mktemp("docker")
        quiet = folder / "sagemaker.yaml"
        quiet.write_text("SchemaVersion: '1.0'\nSageMaker:\n  PythonSDK:\n    Modules:\n      TelemetryOptOut: true\n")
        patch.setenv("SAGEMAKER_USER_CONFIG_OVERRIDE", str(quiet))
        if Path(engine).name == "docker":
            yield
            return
        (folder / "docker").symlink_to(str(shutil.which(engine)))
        patch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        patch.setenv("DOCKER_HOST", f"unix://{folder}/api.sock")
        service = subprocess.Popen([engine, "system", "service", "--time=0", f"unix://{folder}/api.sock"])
        try:
            _wait_for(folder / "api.sock")
            yield
        finally:
            service.terminate()
            service.wait(120)


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + 300
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Serve MLflow on every address of this machine; gives the port."""
    folder = tmp_path_factory.mktemp("mlflow")
    port = free_port()
    command = ["mlflow", "server", "--host", "0.0.0.0", "--port", str(port), "--workers", "1", "--allowed-hosts", "*"]
    command += [
        "--backend-store-uri",
        f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination",
        str(folder / "files"),
    ]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with Child("mlflow", command, folder, {**os.environ, **quiet}) as server:
        server.wait_until(lambda: _answers(f"http://127.0.0.1:{port}/health"), timeout_s=500)
        yield port


def _command() -> str:
    """Write the command that runs the job on this machine's Python inside of the container."""
    python = f"{ML}/python/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    # This machine is the gateway of the container's network; the kernel writes addresses backwards.
    return (
        "gateway=$(awk '$2 == \"00000000\" {print $3; exit}' /proc/net/route) && "
        "export MLFLOW_TRACKING_URI=$(printf 'http://%d.%d.%d.%d:%d' 0x${gateway:6:2} 0x${gateway:4:2} "
        "0x${gateway:2:2} 0x${gateway:0:2} $MLFLOW_PORT) && "
        f"PYTHONHOME={ML}/python PYTHONPATH={ML}/packages LD_LIBRARY_PATH={ML}/python/lib {python} run_job.py"
    )


def test_a_job_in_sagemakers_local_mode_trains_logs_and_makes_a_model_that_serves(
    docker_api: None, mlflow_server: int, tmp_path: Path
) -> None:
    from mlflow import MlflowClient
    from sagemaker.core.training.configs import Compute, InputData, SourceCode
    from sagemaker.train.model_trainer import Mode, ModelTrainer

    from inference import load

    code = tmp_path / "code"
    (tmp_path / "code.tar.gz").write_bytes(code_bundle())
    with tarfile.open(tmp_path / "code.tar.gz") as archive:
        archive.extractall(code, filter="data")
    write_dataset(tmp_path / "smears", per_class=24, seed=3)
    client = MlflowClient(f"http://127.0.0.1:{mlflow_server}")
    experiment = client.create_experiment("leukolens")
    parent = client.create_run(experiment, run_name="sweep").info.run_id

    (tmp_path / "job").mkdir()
    trainer = ModelTrainer(
        training_mode=Mode.LOCAL_CONTAINER,
        training_image=IMAGE,
        role="arn:aws:iam::000000000000:role/leukolens-dev-training",
        base_job_name="leukolens-dev-test",
        compute=Compute(instance_type="local_cpu", instance_count=1),
        source_code=SourceCode(source_dir=str(code), command=_command()),
        environment={"MLFLOW_PORT": str(mlflow_server), "LEUKOLENS_PARENT_RUN": parent},
        hyperparameters={"backbone": "efficientnet-lite0", "epochs": 1, "batch-size": 16, "learning-rate": 0.001},
        local_container_root=str(tmp_path / "job"),
    )
    channels = {
        "train": tmp_path / "smears",
        "python": Path(sys.base_prefix),
        "packages": Path(sysconfig.get_path("purelib")),
    }
    trainer.train(
        input_data_config=[InputData(channel_name=name, data_source=str(path)) for name, path in channels.items()]
    )

    with tarfile.open(tmp_path / "job" / "compressed_artifacts" / "model.tar.gz") as archive:
        archive.extractall(tmp_path / "model", filter="data")
    answer = load(tmp_path / "model").run(draw_field("Pre", 1))
    assert answer.probabilities.sum() == pytest.approx(1.0, abs=1e-5)

    (run,) = client.search_runs([experiment], f"tags.mlflow.parentRunId = '{parent}'")
    assert run.info.status == "FINISHED"
    assert run.data.params["learning_rate"] == "0.001"
    assert {"val_balanced_accuracy", "loss"} <= set(run.data.metrics)
    assert re.match("leukolens-dev-test", run.data.tags["sagemaker.job"])
    assert {file.path for file in client.list_artifacts(run.info.run_id, "model/artifacts/model")} == {
        "model/artifacts/model/model.json",
        "model/artifacts/model/model.tflite",
    }
