"""Jobs as SageMaker runs them: what the launcher asks of AWS, run by SageMaker's local mode in containers.

The launcher's own commands ask an account that moto plays; each request goes as it is to SageMaker's local mode. The
containers read fields, code and the tracking server's password from that account, and log to a real MLflow server that
asks for it. SageMaker's part beyond that is played here: it begins a tuner's jobs, sends SIGTERM, keeps checkpoints,
and starts an interrupted spot job again under its name.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import tarfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from moto import mock_aws
from moto.server import ThreadedMotoServer

from infra.config import MlflowServer
from local.children import Child
from tests.drawn_cells import draw, write_patients
from tests.sagemaker_account import REGION, Account, open_answering_session
from tests.surroundings import free_port
from training.cli import main
from training.data.synthetic import draw_field, write_dataset
from training.sagemaker_jobs.deployment import read_environment

pytestmark = [pytest.mark.container, pytest.mark.slow]

BASE = "public.ecr.aws/docker/library/python:3.13-slim"
"""Brings a shell and the libraries that a Python needs. TensorFlow takes minutes to install, so jobs run on this
machine's own Python and packages, mounted as channels."""
ML = "/opt/ml/input/data"
LOGIN = {"username": "admin", "password": "a-password-of-tests"}
WAIT_S = 900.0  # whatever else the machine does


@pytest.fixture(scope="module", autouse=True)
def _docker_api(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let SageMaker's local mode find a Docker API and a `docker` command."""
    if shutil.which("docker-compose") is None and "docker" not in engine:
        pytest.skip("no docker-compose: apt-get install docker-compose")
    if Path(engine).name == "docker":
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("docker")
        (folder / "docker").symlink_to(str(shutil.which(engine)))
        patch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        patch.setenv("DOCKER_HOST", f"unix://{folder}/api.sock")
        service = subprocess.Popen([engine, "system", "service", "--time=0", f"unix://{folder}/api.sock"])
        try:
            _wait_for((folder / "api.sock").exists, "the engine's API")
            yield
        finally:
            service.terminate()
            service.wait(120)


def _wait_for(there: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not there():
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.2)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def address() -> str:
    """Give this machine's address, by which containers reach it and it reaches itself."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.connect(("192.0.2.1", 9))  # nothing is sent: it chooses the interface
        return str(asked.getsockname()[0])


@pytest.fixture(scope="module")
def mlflow_server(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve MLflow to whoever has the password; gives its address."""
    folder, port = tmp_path_factory.mktemp("mlflow"), free_port()
    (folder / "auth.ini").write_text(
        f"[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{folder}/auth.db\n"
        f"admin_username = {LOGIN['username']}\nadmin_password = {LOGIN['password']}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    command = ["mlflow", "server", "--app-name", "basic-auth", "--host", "0.0.0.0", "--port", str(port)]
    command += ["--workers", "1", "--allowed-hosts", "*", "--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    command += ["--artifacts-destination", str(folder / "files")]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    auth = {"MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini"), "MLFLOW_FLASK_SERVER_SECRET_KEY": "of-tests"}
    with Child("mlflow", command, folder, {**os.environ, **quiet, **auth}) as server:
        server.wait_until(lambda: _answers(f"http://127.0.0.1:{port}/health"), timeout_s=500)
        yield f"http://{address}:{port}"


@pytest.fixture(scope="module")
def account(address: str, mlflow_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """Give an account with the environment dev and drawn smears in it, which containers reach over HTTP."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "LEUKOLENS_TRACKING"):
            patch.delenv(name, raising=False)
        login = {f"MLFLOW_TRACKING_{name.upper()}": value for name, value in LOGIN.items()}
        aws = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
        for name, value in {**login, **aws}.items():
            patch.setenv(name, value)
        session = open_answering_session()
        account = Account(session)
        session.answers = account.answers
        account.asked = []
        for events in (session.events, account.sagemaker.meta.events):  # clients to come, and the tuner's own
            events.register(
                "before-call.sagemaker.CreateTrainingJob", lambda params, **_: account.asked.append(params["body"])
            )
        account.deploy()
        secret = session.client("secretsmanager").create_secret(Name="mlflow", SecretString=json.dumps(LOGIN))["ARN"]
        dev = read_environment("dev")
        server = MlflowServer.model_construct(uri=mlflow_server, secret_arn=secret)
        tracked = dev.model_copy(update={"training": dev.training.model_copy(update={"mlflow": server})})
        for module in ("command", "watch", "stop"):
            patch.setattr(f"training.sagemaker_jobs.{module}.open_session", lambda _: session)
            patch.setattr(f"training.sagemaker_jobs.{module}.read_environment", lambda _: tracked)
        write_dataset(smears := tmp_path_factory.mktemp("smears"), per_class=14, seed=3, size=96)
        assert main(["ingest", str(smears), "s3://smears-data/smears"]) == 0
        account.server = ThreadedMotoServer(ip_address="0.0.0.0", port=0, verbose=False)
        account.server.start()
        account.endpoint = f"http://{address}:{account.server.get_host_and_port()[1]}"
        yield account
        account.server.stop()


class Job:
    """One request in a container."""

    def __init__(self, request: dict[str, Any], folder: Path, number: int, engine: str) -> None:
        self.name = str(request["TrainingJobName"])
        self.root = folder / f"{self.name}-start-{number}"
        self.log = self.root.with_suffix(".log")
        self._engine = engine

    def begin(self, request: dict[str, Any], endpoint: str) -> "Job":
        """Start the container."""
        checkpoints = self.root.parent / request["CheckpointConfig"]["S3Uri"].removeprefix("s3://").replace("/", "_")
        checkpoints.mkdir(exist_ok=True)
        asked = self.root.with_suffix(".json")
        asked.write_text(json.dumps(request))
        channels = {
            "checkpoints": checkpoints,
            "python": Path(sys.base_prefix),
            "packages": Path(sysconfig.get_path("purelib")),
        }
        command = [sys.executable, str(Path(__file__).with_name("local_job.py")), str(asked), str(self.root)]
        command += [f"{name}={path}" for name, path in channels.items()]
        with self.log.open("w") as log:
            # Not under the tests' own moto: by HTTP, as the container.
            self._process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, "AWS_ENDPOINT_URL": endpoint}
            )
        return self

    def wait_for(self, line: str) -> None:
        """Wait until the log has a line."""
        _wait_for(lambda: line in self.log.read_text() or self._process.poll() is not None, line)
        assert line in self.log.read_text(), self.log.read_text()

    def terminate(self) -> None:
        """Send SIGTERM, as SageMaker does for a spot interruption and for its owner's stop."""
        found = subprocess.run(
            [self._engine, "ps", "-q", "--filter", f"name={self.root.name}"], capture_output=True, text=True, check=True
        )
        subprocess.run([self._engine, "stop", "--time", "120", *found.stdout.split()], check=True, capture_output=True)

    def finish(self) -> str:
        """Wait for the end; gives the log."""
        self._process.wait(WAIT_S)
        return self.log.read_text()

    def model(self, folder: Path) -> Path:
        """Unpack model.tar.gz."""
        with tarfile.open(self.root / "compressed_artifacts" / "model.tar.gz") as archive:
            archive.extractall(folder, filter="data")
        return folder


class SageMaker:
    """Runs what was asked of the account."""

    def __init__(self, account: Account, engine: str, folder: Path) -> None:
        self.account, self._engine, self.folder = account, engine, folder
        self._starts: list[str] = []

    def start(self, name: str) -> Job:
        """Start a job that was asked for, or start it again."""
        request = next(one for one in map(json.loads, self.account.asked) if one["TrainingJobName"] == name)
        self._starts.append(name)
        job = Job(request, self.folder, self._starts.count(name), self._engine)
        self._provide(request["AlgorithmSpecification"]["TrainingImage"])
        return job.begin(request, self.account.endpoint)

    def tell(self, name: str, log: str, status: str) -> None:
        """Make the account say how a job stands, by what SageMaker reads from its log."""
        request = next(one for one in map(json.loads, self.account.asked) if one["TrainingJobName"] == name)
        read = {
            one["Name"]: re.findall(one["Regex"], log) for one in request["AlgorithmSpecification"]["MetricDefinitions"]
        }
        last = {metric: float(values[-1]) for metric, values in read.items() if values}
        doing = "Training" if status == "InProgress" else status
        self.account.tell(
            name, status, doing=doing, epoch=last.get("epoch"), objective=last.get("val_balanced_accuracy"), billed_s=60
        )

    def _provide(self, image: str) -> None:
        """Make an image that does what AWS's does, under the name that the request has."""
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        recipe = (
            f"FROM {BASE}\nCOPY sagemaker_image.py /sagemaker_image.py\n"
            f"ENV PYTHONHOME={ML}/python PYTHONPATH={ML}/packages LD_LIBRARY_PATH={ML}/python/lib\n"
            f"ENV PYTHONUNBUFFERED=1 AWS_ENDPOINT_URL={self.account.endpoint}\n"
            f'ENTRYPOINT ["{ML}/python/bin/python{version}", "/sagemaker_image.py"]\n'
        )
        context = self.folder / "image"
        context.mkdir(exist_ok=True)
        shutil.copy2(Path(__file__).with_name("sagemaker_image.py"), context)
        (context / "Dockerfile").write_text(recipe)
        subprocess.run([self._engine, "build", "--tag", image, str(context)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def sagemaker(account: Account, engine: str, tmp_path_factory: pytest.TempPathFactory) -> SageMaker:
    """Give what runs jobs."""
    return SageMaker(account, engine, tmp_path_factory.mktemp("jobs"))


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., SimpleNamespace]:
    """Run a command line of the project; gives its exit code and what it prints."""

    def run(*arguments: str) -> SimpleNamespace:
        code = main(list(arguments))
        printed = capsys.readouterr()
        return SimpleNamespace(code=code, out=printed.out, err=printed.err)

    return run


def _runs(server: str, job: str) -> list[Any]:
    from mlflow import MlflowClient

    client = MlflowClient(server)
    experiment = client.get_experiment_by_name("leukolens-dev")
    return list(client.search_runs([experiment.experiment_id], f"tags.`sagemaker.job` = '{job}'"))


def _names(account: Account, prefix: str) -> list[str]:
    names = (json.loads(one)["TrainingJobName"] for one in account.asked)
    return [name for name in names if name.startswith(prefix)]


SAGEMAKER = ("--executor", "sagemaker", "--env", "dev")


def test_a_frozen_job_makes_a_model_that_serves_and_is_followed_to_its_bill(
    sagemaker: SageMaker, command: Callable[..., SimpleNamespace], mlflow_server: str, tmp_path: Path
) -> None:
    from mlflow import MlflowClient

    from inference import load

    assert command("train", *SAGEMAKER, "--name", "frozen", "--frozen", "--copies", "1", "--detach").code == 0
    (name,) = _names(sagemaker.account, "leukolens-dev-frozen")
    job = sagemaker.start(name)
    log = job.finish()
    sagemaker.tell(name, log, "Completed")
    answer = load(job.model(tmp_path / "model")).run(draw_field("Pre", 1))
    assert answer.probabilities.sum() == pytest.approx(1.0, abs=1e-5)

    followed = command("jobs", "--env", "dev", "--sweep", "leukolens-dev-frozen", "--once")
    assert "Completed" in followed.out
    (run,) = _runs(mlflow_server, name)
    assert run.info.status == "FINISHED"
    assert run.data.params["method"] == "linear_probe"
    assert run.data.tags["sagemaker.channel.train"] == "s3://smears-data/smears/"
    assert run.data.tags["sagemaker.status"] == "Completed"
    assert float(run.data.tags["sagemaker.cost_usd"]) >= 0
    files = MlflowClient(mlflow_server).list_artifacts(run.info.run_id, "model/artifacts/model")
    assert {Path(file.path).name for file in files} >= {"model.json", "model.tflite"}


def test_a_spot_job_that_is_interrupted_goes_on_as_the_same_run(
    sagemaker: SageMaker, command: Callable[..., SimpleNamespace], mlflow_server: str, tmp_path: Path
) -> None:
    options = ("--epochs", "2", "--batch-size", "16", "--learning-rate", "0.001", "--spot", "--detach")
    assert command("train", *SAGEMAKER, "--name", "tuned", *options).code == 0
    (name,) = _names(sagemaker.account, "leukolens-dev-tuned")
    interrupted = sagemaker.start(name)
    interrupted.wait_for("val_balanced_accuracy")
    sagemaker.tell(name, interrupted.log.read_text(), "InProgress")
    assert " 1/2 " in command("jobs", "--env", "dev", "--sweep", "leukolens-dev-tuned", "--once").out
    interrupted.terminate()
    log = interrupted.finish()
    assert "job: told to stop" in log, log
    assert not list(interrupted.root.glob("model/*"))

    resumed = sagemaker.start(name)
    again = resumed.finish()
    sagemaker.tell(name, again, "Completed")
    assert resumed.model(tmp_path).joinpath("model.json").is_file()
    assert re.findall(r"val_balanced_accuracy=\S+ epoch=(\d)", log + again) == ["1", "2"]
    assert command("jobs", "--env", "dev", "--sweep", "leukolens-dev-tuned", "--once").code == 0
    (run,) = _runs(mlflow_server, name)
    assert run.info.status == "FINISHED"
    assert run.data.params["learning_rate"] == "0.001"
    assert run.data.tags["sagemaker.spot"] == "true"
    assert run.data.tags["sagemaker.status"] == "Completed"


def test_a_sweep_of_two_is_followed_and_stopped(
    sagemaker: SageMaker, command: Callable[..., SimpleNamespace], mlflow_server: str, tmp_path: Path
) -> None:
    from mlflow import MlflowClient

    options = ("--epochs", "1", "--batch-size", "16", "--optimizer", "adam", "--optimizer", "sgd", "--spot", "--detach")
    assert command("sweep", *SAGEMAKER, "--name", "two", *options).code == 0
    first, second = sagemaker.account.play_tuner("leukolens-dev-two")
    job = sagemaker.start(first)
    sagemaker.tell(first, job.finish(), "Completed")
    assert job.model(tmp_path).joinpath("model.json").is_file()
    stopped = sagemaker.start(second)
    _wait_for(lambda: _runs(mlflow_server, second), "its run in MLflow")
    followed = command("jobs", "--env", "dev", "--sweep", "leukolens-dev-two", "--once")
    assert "1 of 2 completed, 1 running" in followed.out
    assert command("stop", "--env", "dev", "--sweep", "leukolens-dev-two").code == 0
    stopped.terminate()
    log = stopped.finish()
    sagemaker.tell(second, log, "Stopped")
    assert "job: told to stop" in log, log
    assert not list(stopped.root.glob("model/*"))
    followed = command("jobs", "--env", "dev", "--sweep", "leukolens-dev-two", "--once")
    assert "Stopped" in followed.out

    client = MlflowClient(mlflow_server)
    (done,), (ended,) = _runs(mlflow_server, first), _runs(mlflow_server, second)
    assert (done.info.status, ended.info.status) == ("FINISHED", "KILLED")
    assert (done.data.params["optimizer"], ended.data.params["optimizer"]) == ("adam", "sgd")
    parent = client.get_run(done.data.tags["mlflow.parentRunId"])
    assert ended.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["sagemaker.billable_seconds"] == "120"


def test_a_job_of_adapt_makes_a_model_of_a_laboratorys_own_classes(
    sagemaker: SageMaker, command: Callable[..., SimpleNamespace], mlflow_server: str, tmp_path: Path
) -> None:
    from mlflow import MlflowClient

    from inference import load

    images = write_patients(tmp_path / "cells")
    assert command("ingest", str(images), "s3://smears-data/cells").code == 0
    assert command("adapt", *SAGEMAKER, "--name", "own", "--data", "cells", "--detach").code == 0
    (name,) = _names(sagemaker.account, "leukolens-dev-own")
    job = sagemaker.start(name)
    sagemaker.tell(name, job.finish(), "Completed")
    model = load(job.model(tmp_path / "model"))
    assert model.card.labels == ("lobed", "round")
    assert "on 4 patients left out" in model.card.evaluation["headline"]
    assert model.run(np.asarray(draw("round", 50).resize((224, 224)))).probabilities.argmax() == 1
    (run,) = _runs(mlflow_server, name)
    assert run.info.status == "FINISHED"
    (version,) = MlflowClient(mlflow_server).search_model_versions(f"run_id = '{run.info.run_id}'")
    assert version.tags["sha256"] == model.card.sha256
    assert run.inputs.dataset_inputs
    assert run.data.tags["sagemaker.channel.base"].startswith("s3://smears-models/")


def test_no_run_is_left_running(mlflow_server: str) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(mlflow_server)
    experiment = client.get_experiment_by_name("leukolens-dev").experiment_id
    assert not client.search_runs([experiment], "attributes.status = 'RUNNING'")
