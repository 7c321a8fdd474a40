"""What a job is told, what it answers when it cannot begin, and that it ends and goes on where it was."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from inference import load
from tests.drawn_cells import write_patients
from training.data.synthetic import write_dataset
from training.models.recipes import FineTuning, LinearProbe, MlpHead
from training.sagemaker_jobs import entry_point
from training.sagemaker_jobs.job_environment import (
    Adapting,
    Interrupted,
    JobSettings,
    SecretError,
    SettingsError,
    Stop,
    aws,
    describe,
    log_in,
)
from training.sagemaker_jobs.requests import METRICS

ROOT = Path(__file__).resolve().parents[4]
TINY: dict[str, str | int] = {"backbone": "efficientnet-lite2", "epochs": 4, "batch-size": 16}
"""Of a job of ``tiny_job.py``."""


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give SageMaker's folder, with an empty channel."""
    before = signal.getsignal(signal.SIGTERM)
    for name in [name for name in os.environ if name.startswith(("SM_", "MLFLOW_", "LEUKOLENS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path))
    (tmp_path / "input" / "data" / "train").mkdir(parents=True)
    (tmp_path / "input" / "config").mkdir()
    yield tmp_path
    signal.signal(signal.SIGTERM, before)


def test_a_launchers_variables_and_options_are_read(base: Path) -> None:
    told = {
        "SM_HPS": json.dumps({"epochs": 3, "learning-rate": 0.001, "_tuning_objective_metric": "x", "frozen": False}),
        "SM_RESOURCE_CONFIG": json.dumps({"current_host": "algo-2", "hosts": ["algo-2", "algo-1"]}),
        "SM_CHANNEL_TRAIN": str(base),
        "SM_MODEL_DIR": "/opt/ml/model",
    }
    settings = JobSettings.read(told, ["--epochs", "5", "--batch_size", "16"], base)
    assert settings.recipe == FineTuning(epochs=5, learning_rate=0.001, batch_size=16)
    assert settings.backbone == "efficientnet-lite0"
    assert (settings.hosts, settings.host) == (("algo-1", "algo-2"), "algo-2")
    assert (settings.data, settings.model) == (base, Path("/opt/ml/model"))
    assert settings.checkpoints == base / "checkpoints"


def test_a_bare_image_finds_the_same_in_sagemakers_files(base: Path) -> None:
    config = base / "input" / "config"
    (config / "hyperparameters.json").write_text('{"optimizer": "sgd", "sagemaker_program": "run_job.py"}')
    (config / "resourceconfig.json").write_text('{"current_host": "algo-1", "hosts": ["algo-1"]}')
    (base / "input" / "data" / "external" / "bccd").mkdir(parents=True)
    settings = JobSettings.read({}, root=base)
    assert settings.recipe == FineTuning(optimizer="sgd")
    assert settings.data == base / "input" / "data" / "train"
    assert [folder.name for folder in settings.external] == ["bccd"]


def test_a_frozen_backbone_is_trained_by_the_defaults_of_its_own_method(base: Path) -> None:
    assert JobSettings.read({}, ["--frozen"], base).recipe == LinearProbe()
    assert JobSettings.read({"SM_HPS": '{"frozen": true, "backbone": "vgg16"}'}, root=base).recipe == MlpHead()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--optimizer", "lion"], "--optimizer lion: not allowed; allowed: adam"),
        (["--batch-size", "0"], "1 to 1024"),
        (["--dropout", "0.5"], "--dropout is no hyperparameter of a job; there are --backbone"),
        (["--frozen", "maybe"], "--frozen maybe: allowed: true or false"),
        (["--frozen", "--epochs", "3"], "--epochs: efficientnet-lite0 --frozen is a linear head"),
        (["--frozen", "--backbone", "vgg16", "--optimizer", "adamw"], "--optimizer adamw: not allowed"),
        (["16"], "16: write hyperparameters as --name value"),
    ],
)
def test_what_a_job_cannot_take_fails_at_once_and_says_what_is_allowed(base: Path, given: list[str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        JobSettings.read({}, given, base)
    assert entry_point.main(["train", *given]) == 2
    first = (base / "output" / "failure").read_text().splitlines()[0]
    assert said in first


def test_a_process_ends_with_the_jobs_code(base: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "training.sagemaker_jobs.entry_point", "train", "--batch-size", "0"],
        cwd=base,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'lambda'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2, ended.stderr
    assert (base / "output" / "failure").read_text() == ended.stderr.removeprefix("job: ")


def test_a_job_without_fields_says_so(base: Path) -> None:
    (base / "input" / "data" / "train").rmdir()
    assert entry_point.main([]) == 2
    assert "there is no channel train" in (base / "output" / "failure").read_text()


@pytest.fixture
def own_images(base: Path, small_base: Path) -> Path:
    """Give SageMaker's folder with two classes of drawn cells, their patients in a table, and a base of the others."""
    write_patients(base / "input" / "data" / "train")
    (base / "input" / "data" / "base").symlink_to(small_base)
    return base


@pytest.fixture
def job(base: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run a job of these hyperparameters in this process, as its own would, with a server that nobody runs."""

    def run(**hyperparameters: str | int) -> int:
        monkeypatch.setenv("SM_HPS", json.dumps(hyperparameters))
        return entry_point.main([])

    monkeypatch.chdir(base)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("TRAINING_JOB_NAME", "leukolens-dev-test")
    return run


def test_the_settings_of_adapt_are_its_own(own_images: Path) -> None:
    given = ["--command", "adapt", "--group-pattern", r"P\d+", "--add-to-base", "true"]
    expected = Adapting(own_images / "input" / "data" / "base", r"P\d+", True)
    assert JobSettings.read({}, given, own_images).adapting == expected
    assert JobSettings.read({}, [], own_images).adapting is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--command", "adapt", "--epochs", "3"], "--epochs is no hyperparameter of a job; there are --add-to-base"),
        (["--command", "adapt", "--add-to-base", "perhaps"], "--add-to-base perhaps: allowed: true or false"),
        (["--command", "adapt"], "there is no channel base"),
        (["--command", "guess"], "--command guess: allowed: train or adapt"),
        (["--group-pattern", "x"], "--group-pattern is no hyperparameter of a job"),
    ],
)
def test_what_adapt_cannot_take_is_told_in_the_failure_file(base: Path, given: list[str], said: str) -> None:
    if "base" not in said.split()[-1]:
        (base / "input" / "data" / "base").mkdir()
    assert entry_point.main(given) == 2
    (told,) = (base / "output" / "failure").read_text().splitlines()
    assert said in told


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_job_of_adapt_makes_a_model_of_the_patients_that_a_table_tells(
    own_images: Path, job: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert job(command="adapt") == 0
    model = load(own_images / "model")
    assert model.card.labels == ("lobed", "round")
    assert model.card.triage is not None
    assert model.card.training["groups"] == {"kind": "patient", "count": 4}
    assert "on 4 patients left out" in model.card.evaluation["headline"]
    assert (own_images / "model" / "statistics.npz").is_file()
    (objective,) = re.findall(METRICS["val_balanced_accuracy"], capsys.readouterr().out)
    (result,) = model.card.evaluation["protocols"].values()
    assert float(objective) == pytest.approx(result["metrics"]["balanced_accuracy"]["value"], abs=1e-5)
    (journal,) = (own_images / "output" / "data" / "tracking").glob("*/journal.jsonl")
    events = [json.loads(line) for line in journal.read_text().splitlines()]
    assert events[-1]["status"] == "FINISHED"
    (dataset,) = (one for one in events if one.get("digest"))
    assert dataset["fields"] == {"lobed": 12, "round": 12}
    assert [one["tags"]["sha256"] for one in events if "sha256" in one.get("tags", {})] == [model.card.sha256]


def test_a_job_of_adapt_that_cannot_be_ends_with_a_line_and_no_model(own_images: Path, job: Callable[..., int]) -> None:
    for path in (own_images / "input" / "data" / "train" / "round").iterdir():
        path.unlink()
    assert job(command="adapt") == 2
    (told,) = (own_images / "output" / "failure").read_text().splitlines()
    assert "classes.toml names round, and no folder of that name or alias holds an image" in told
    assert not (own_images / "model").exists()


class Aws:
    """Answers as the two services do that a job asks."""

    def __init__(self, secret: str = "", job: dict[str, object] | None = None) -> None:
        self.secret, self.job = secret, job or {}

    def __call__(self, service: str) -> "Aws":
        return self

    def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803 - boto3's name
        return {"SecretString": self.secret}

    def describe_training_job(self, TrainingJobName: str) -> dict[str, object]:  # noqa: N803 - boto3's name
        return {"TrainingJobName": TrainingJobName, **self.job}


def test_aws_is_asked_in_the_region_that_sagemaker_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert aws("sagemaker").meta.region_name == "eu-central-1"


@pytest.mark.parametrize(
    ("secret", "login"),
    [
        ('{"username": "u", "password": "p"}', {"MLFLOW_TRACKING_USERNAME": "u", "MLFLOW_TRACKING_PASSWORD": "p"}),
        ('{"token": "t"}', {"MLFLOW_TRACKING_TOKEN": "t"}),
    ],
)
def test_the_login_of_a_server_comes_from_its_secret(secret: str, login: dict[str, str]) -> None:
    environ = {"LEUKOLENS_MLFLOW_SECRET_ARN": "arn:secret"}
    log_in(environ, Aws(secret))
    assert {name: environ[name] for name in login} == login


@pytest.mark.parametrize("secret", ["hunter2", '{"user": "hunter2"}', '["hunter2"]'])
def test_a_secret_of_another_form_is_refused_without_telling_it(secret: str) -> None:
    with pytest.raises(SecretError, match="arn:secret must be JSON") as refused:
        log_in({"LEUKOLENS_MLFLOW_SECRET_ARN": "arn:secret"}, Aws(secret))
    assert "hunter2" not in str(refused.value)


def test_a_run_is_tagged_with_the_jobs_place() -> None:
    environ = {
        "TRAINING_JOB_NAME": "leukolens-dev-1",
        "AWS_REGION": "eu-central-1",
        "SM_RESOURCE_CONFIG": '{"current_instance_type": "ml.m5.xlarge", "hosts": ["algo-1"]}',
    }
    described = {
        "TrainingJobArn": "arn:job",
        "EnableManagedSpotTraining": True,
        "OutputDataConfig": {"S3OutputPath": "s3://models/training/"},
        "CheckpointConfig": {"S3Uri": "s3://models/training/leukolens-dev-1/checkpoints"},
        "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": {"S3Uri": "s3://data/smears/"}}}],
    }
    assert describe(environ, Aws(job=described)) == {
        "sagemaker.job": "leukolens-dev-1",
        "sagemaker.instance_type": "ml.m5.xlarge",
        "sagemaker.instance_count": "1",
        "sagemaker.job_arn": "arn:job",
        "sagemaker.spot": "true",
        "sagemaker.model": "s3://models/training/leukolens-dev-1/output/model.tar.gz",
        "sagemaker.checkpoints": "s3://models/training/leukolens-dev-1/checkpoints",
        "sagemaker.channel.train": "s3://data/smears/",
    }


def test_the_lines_are_those_that_the_launcher_reads(capsys: pytest.CaptureFixture[str]) -> None:
    entry_point.print_measures({"val_balanced_accuracy": 0.9731234, "loss": 1e-7}, 3)
    printed = capsys.readouterr().out
    assert printed.splitlines()[0] == "metric: val_balanced_accuracy=0.973123 epoch=3"
    found = {name: re.findall(regex, printed) for name, regex in METRICS.items()}
    assert found["val_balanced_accuracy"] == ["0.973123"]
    assert found["loss"] == ["1e-07"]
    assert found["epoch"][-1] == "3"


@pytest.fixture
def stop() -> Iterator[Stop]:
    """Give a stop that hears SIGTERM."""
    before = signal.getsignal(signal.SIGTERM)
    made = Stop()
    made.listen()
    yield made
    signal.signal(signal.SIGTERM, before)


def test_a_job_that_is_told_to_end_ends_at_once(stop: Stop) -> None:
    with pytest.raises(Interrupted):
        signal.raise_signal(signal.SIGTERM)


def test_while_fitting_it_ends_between_two_batches(stop: Stop) -> None:
    stop.wait_for_batches = True
    signal.raise_signal(signal.SIGTERM)
    assert stop.requested
    with pytest.raises(Interrupted):
        stop.check()


def _begin(base: Path, hold_in: int) -> "subprocess.Popen[str]":
    """Start a job as a process, which waits in an epoch."""
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("tiny_job.py")), str(hold_in)],
        cwd=base,
        env={
            **os.environ,
            "PYTHONPATH": f"{ROOT}:{ROOT / 'lambda'}",
            "PYTHONUNBUFFERED": "1",
            "SM_HPS": json.dumps(TINY),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _read_until(process: "subprocess.Popen[str]", wanted: str) -> list[str]:
    assert process.stdout is not None
    read = []
    for line in process.stdout:
        read.append(line)
        if wanted in line:
            return read
    raise AssertionError(f"no {wanted!r} in {''.join(read)}")


@pytest.mark.slow
@pytest.mark.timeout(1800)  # a process that loads TensorFlow: minutes where the machine is busy
def test_a_job_cut_off_goes_on_from_its_checkpoint_though_its_server_is_down(
    base: Path, job: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_dataset(base / "input" / "data" / "train", per_class=12, seed=5, size=96)

    killed = _begin(base, 3)
    _read_until(killed, "holding")
    killed.kill()
    killed.communicate()

    from tests.unit.training.sagemaker_jobs.tiny_job import in_epoch, make_small

    make_small(monkeypatch)
    with monkeypatch.context() as while_fitting:
        in_epoch(4, lambda: os.kill(os.getpid(), signal.SIGTERM), while_fitting)
        assert job(**TINY) == 143
    assert "job: told to stop" in capsys.readouterr().out
    assert not (base / "model").exists()

    assert job(**TINY) == 0
    assert load(base / "model").card.training["recipe"]["epochs"] == 4
    assert not (base / "output" / "failure").exists()
    assert "has not got all of this run" in capsys.readouterr().err

    journals = sorted((base / "output" / "data" / "tracking").glob("*/journal.jsonl"))
    events = [[json.loads(line) for line in path.read_text().splitlines()] for path in journals]
    epochs = [[e["step"] for e in run if "val_balanced_accuracy" in e.get("metrics", {})] for run in events]
    assert epochs[0] == [1, 2]
    assert epochs[1] == [3]
    assert epochs[2] == [4]
    assert events[2][-1]["status"] == "FINISHED"
