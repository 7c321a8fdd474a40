"""What SageMaker tells a training job: hyperparameters, channels, hosts and folders, read in one deployment.

A launcher that brings a source code bundle sets SM_* variables (SageMaker's SDK writes them before the job starts); an
image of one's own that is started bare finds the same facts in files below /opt/ml/input/config. Both are understood.
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html

What a job asks AWS of itself: where its data and results are in S3, and the login of an MLflow server.

A job that is told to end, by a spot interruption or by its owner: SIGTERM, and two minutes later SIGKILL.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from training.models.recipes import Recipe
from training.models.space import TRIED
from training.sagemaker_jobs.errors import LaunchError
from training.sagemaker_jobs.hyperparameters import (
    ADAPT_HYPERPARAMETERS,
    COMMAND,
    recipe_of,
    switch_of,
)

ROOT = Path("/opt/ml")
# SageMaker's own among the hyperparameters: the tuner's objective, the location of a script.
_SAGEMAKER_PREFIXES = ("_", "sagemaker_")


class SettingsError(ValueError):
    """The job was started with what it cannot take; names it and what is allowed."""


@dataclass(frozen=True)
class Adapting:
    """What a job of ``adapt`` is told.

    Attributes
    ----------
    base
        The channel ``base``: the model folder whose network is used.
    group_pattern
        Of file names, whose first group names what belongs together.
    add_to_base
        Keep the base's classes too.
    """

    base: Path
    group_pattern: str | None
    add_to_base: bool


@dataclass(frozen=True)
class JobSettings:
    """One job.

    Attributes
    ----------
    data
        The channel ``train``: labelled fields, and their manifest where they were ingested.
    external
        The channel ``external``: one folder a collection of fields of no class; may be absent.
    model
        Becomes model.tar.gz.
    output
        Becomes output.tar.gz.
    checkpoints
        Copied to S3 while the job runs and back before it starts again.
    hosts, host
        Every instance of the job, sorted, and this one.
    backbone, recipe
        What is trained, and how.
    adapting
        Of a job of ``adapt``, which trains nothing else; None for one of ``train``.
    """

    data: Path
    external: tuple[Path, ...]
    model: Path
    output: Path
    checkpoints: Path
    hosts: tuple[str, ...]
    host: str
    backbone: str
    recipe: Recipe
    adapting: Adapting | None = None

    @classmethod
    def read(cls, environ: Mapping[str, str], arguments: Sequence[str] = (), root: Path = ROOT) -> "JobSettings":
        """Read them.

        Parameters
        ----------
        environ
            Of the process.
        arguments
            ``--optimizer sgd --batch-size 16``, as a launcher passes them; they go before SageMaker's hyperparameters.
        root
            SageMaker's folder.

        Raises
        ------
        SettingsError
            A hyperparameter that there is not or the method has not, a value that is not allowed, or no channel
            ``train``.
        """
        config = root / "input" / "config"
        resources = _json(environ.get("SM_RESOURCE_CONFIG"), config / "resourceconfig.json")
        raw_hyperparameters = {**_json(environ.get("SM_HPS"), config / "hyperparameters.json"), **_pairs(arguments)}
        hyperparameters = {
            name.replace("_", "-"): str(value)
            for name, value in raw_hyperparameters.items()
            if not name.startswith(_SAGEMAKER_PREFIXES)
        }
        is_adapt = _command(hyperparameters) == "adapt"
        _demand_known(hyperparameters, (*ADAPT_HYPERPARAMETERS,) if is_adapt else (*TRIED, "frozen"))
        try:
            adapting = _adapting(hyperparameters, environ, root) if is_adapt else None
            backbone, recipe = recipe_of({} if is_adapt else hyperparameters)
        except LaunchError as error:
            raise SettingsError(str(error)) from error
        hosts = tuple(sorted(resources.get("hosts", ["localhost"])))
        data = Path(environ.get("SM_CHANNEL_TRAIN", root / "input" / "data" / "train"))
        if not data.is_dir():
            raise SettingsError(f"there is no channel train at {data}: start the job with fields in it")
        external = Path(environ.get("SM_CHANNEL_EXTERNAL", root / "input" / "data" / "external"))
        return cls(
            data=data,
            external=tuple(sorted(p for p in external.iterdir() if p.is_dir())) if external.is_dir() else (),
            model=Path(environ.get("SM_MODEL_DIR", root / "model")),
            output=Path(environ.get("SM_OUTPUT_DATA_DIR", root / "output" / "data")),
            checkpoints=root / "checkpoints",
            hosts=hosts,
            host=resources.get("current_host", hosts[0]),
            backbone=backbone,
            recipe=recipe,
            adapting=adapting,
        )


def _json(text: str | None, path: Path) -> dict[str, Any]:
    if text is None:
        text = path.read_text(encoding="utf-8") if path.is_file() else "{}"
    content: dict[str, Any] = json.loads(text)
    return content


def _pairs(arguments: Sequence[str]) -> dict[str, str]:
    """Pair names with values: ``--frozen`` alone says true."""
    pairs: dict[str, str] = {}
    name = ""
    for argument in arguments:
        if argument.startswith("--"):
            name, equals, value = argument[2:].partition("=")
            pairs[name] = value if equals else "true"
        elif not name:
            raise SettingsError(f"{argument}: write hyperparameters as --name value")
        else:
            pairs[name], name = argument, ""
    return pairs


def _command(hyperparameters: dict[str, str]) -> str:
    """Take out which command the job runs."""
    command = hyperparameters.pop(COMMAND, "train")
    if command not in ("train", "adapt"):
        raise SettingsError(f"--{COMMAND} {command}: allowed: train or adapt")
    return command


def _demand_known(hyperparameters: Mapping[str, str], known: Sequence[str]) -> None:
    if unknown := sorted(set(hyperparameters) - set(known)):
        allowed = ", ".join(f"--{name}" for name in known)
        raise SettingsError(f"--{unknown[0]} is no hyperparameter of a job; there are {allowed}")


def _adapting(hyperparameters: Mapping[str, str], environ: Mapping[str, str], root: Path) -> Adapting:
    base = Path(environ.get("SM_CHANNEL_BASE", root / "input" / "data" / "base"))
    if not base.is_dir():
        raise SettingsError(f"there is no channel base at {base}: start the job with a model folder in it")
    return Adapting(base, hyperparameters.get("group-pattern"), switch_of("add-to-base", hyperparameters))


SECRET = "LEUKOLENS_MLFLOW_SECRET_ARN"  # noqa: S105 - the name of a variable
JOB_TAG = "sagemaker.job"
"""Of a run in MLflow: the job that it is of, by which the launcher finds it."""
_MEANINGS = {
    frozenset({"username", "password"}): {
        "username": "MLFLOW_TRACKING_USERNAME",
        "password": "MLFLOW_TRACKING_PASSWORD",
    },
    frozenset({"token"}): {"token": "MLFLOW_TRACKING_TOKEN"},
}
# A job in a network without an endpoint for it must not wait minutes to learn that.
_PATIENCE = Config(connect_timeout=5, read_timeout=10, retries={"max_attempts": 2})

Client = Callable[[str], Any]


class SecretError(ValueError):
    """The secret is no login to MLflow; says what it should hold. Its value is in no message."""


def aws(service: str) -> Any:
    """Make a client of AWS in the job's region."""
    # SageMaker names it by AWS_REGION, and boto3 reads AWS_DEFAULT_REGION alone.
    return boto3.client(service, region_name=os.environ.get("AWS_REGION"), config=_PATIENCE)


def log_in(environ: MutableMapping[str, str] = os.environ, client: Client = aws) -> None:
    """Put the login of an MLflow server where MLflow looks for it; without a secret there is nothing to do.

    Raises
    ------
    SecretError
        The secret cannot be read, or is not of a form that is understood.
    """
    arn = environ.get(SECRET)
    if not arn:
        return
    try:
        secret = json.loads(client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])
    except (BotoCoreError, ClientError) as error:
        raise SecretError(f"the secret {arn} cannot be read: {error}") from error
    except (KeyError, json.JSONDecodeError):
        secret = None
    if not isinstance(secret, dict) or (names := _MEANINGS.get(frozenset(secret))) is None:
        raise SecretError(f'the secret {arn} must be JSON: {{"username": ..., "password": ...}} or {{"token": ...}}')
    environ.update({names[key]: str(value) for key, value in secret.items()})


def describe(environ: Mapping[str, str] = os.environ, client: Client = aws) -> dict[str, str]:
    """Give the tags of the job's run in MLflow; where AWS does not answer, those that need no asking."""
    name = environ.get("TRAINING_JOB_NAME", "")
    resources = json.loads(environ.get("SM_RESOURCE_CONFIG", "{}"))
    tags = {
        JOB_TAG: name,
        "sagemaker.instance_type": resources.get("current_instance_type", ""),
        "sagemaker.instance_count": str(len(resources.get("hosts", [])) or ""),
    }
    if name and environ.get("AWS_REGION"):
        try:
            tags |= _locations(client("sagemaker").describe_training_job(TrainingJobName=name))
        except (BotoCoreError, ClientError) as error:
            sys.stdout.write(f"the job's locations stay unknown to MLflow: {error}\n")
    return {key: value for key, value in tags.items() if value}


def _locations(job: Mapping[str, Any]) -> dict[str, str]:
    channels = {c["ChannelName"]: c["DataSource"].get("S3DataSource", {}) for c in job.get("InputDataConfig", [])}
    output = job["OutputDataConfig"]["S3OutputPath"].rstrip("/")
    return {
        "sagemaker.job_arn": job["TrainingJobArn"],
        "sagemaker.spot": str(job.get("EnableManagedSpotTraining", False)).lower(),
        "sagemaker.model": f"{output}/{job['TrainingJobName']}/output/model.tar.gz",
        "sagemaker.checkpoints": job.get("CheckpointConfig", {}).get("S3Uri", ""),
        **{f"sagemaker.channel.{name}": source.get("S3Uri", "") for name, source in channels.items()},
    }


class Interrupted(KeyboardInterrupt):
    """The job was told to end: what a keyboard's Ctrl-C is on a laptop, and no error either."""


class Stop:
    """Whether the job was told to end.

    Attributes
    ----------
    requested
        It was.
    wait_for_batches
        Somebody asks by ``check`` at a moment that suits; until then the signal waits, so that no checkpoint is cut
        in the middle of its writing.
    """

    def __init__(self) -> None:
        self.requested = False
        self.wait_for_batches = False

    def listen(self) -> None:
        """Take SIGTERM as the request; only in the main thread."""
        signal.signal(signal.SIGTERM, self._receive)

    def check(self) -> None:
        """Raise if the job was told to end.

        Raises
        ------
        Interrupted
            It was.
        """
        if self.requested:
            raise Interrupted

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        if not self.wait_for_batches:
            self.check()
