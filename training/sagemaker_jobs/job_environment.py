"""What SageMaker tells a training job: hyperparameters, channels, hosts and folders, read in one place.

A launcher that brings a source code bundle sets SM_* variables (SageMaker's SDK writes them before the job starts); an
image of one's own that is started bare finds the same facts in files below /opt/ml/input/config. Both are understood.
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.sagemaker_jobs.errors import LaunchError
from training.sagemaker_jobs.hyperparameters import HYPERPARAMETERS, value_of

ROOT = Path("/opt/ml")
# SageMaker's own among the hyperparameters: the tuner's objective, the location of a script.
_NOT_OURS = ("_", "sagemaker_")
_SWITCHES = {"true": True, "false": False}


class SettingsError(ValueError):
    """The job was started with what it cannot take; names it and what is allowed."""


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
    failure
        The file whose beginning SageMaker shows as the reason of a failure.
    hosts, host
        Every instance of the job, sorted, and this one.
    hyperparameters
        As given, by option name.
    frozen
        Train only the head.
    """

    data: Path
    external: tuple[Path, ...]
    model: Path
    output: Path
    checkpoints: Path
    failure: Path
    hosts: tuple[str, ...]
    host: str
    hyperparameters: Mapping[str, str]
    frozen: bool

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
            An unknown hyperparameter or a value that is not allowed, or no channel ``train``.
        """
        config = root / "input" / "config"
        resources = _json(environ.get("SM_RESOURCE_CONFIG"), config / "resourceconfig.json")
        given = {**_json(environ.get("SM_HPS"), config / "hyperparameters.json"), **_pairs(arguments)}
        frozen, hyperparameters = _checked(given)
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
            failure=Path(environ.get("SM_OUTPUT_FAILURE", root / "output" / "failure")),
            hosts=hosts,
            host=resources.get("current_host", hosts[0]),
            hyperparameters=hyperparameters,
            frozen=frozen,
        )


def _json(text: str | None, path: Path) -> dict[str, Any]:
    if text is None:
        text = path.read_text(encoding="utf-8") if path.is_file() else "{}"
    found: dict[str, Any] = json.loads(text)
    return found


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


def _checked(given: Mapping[str, Any]) -> tuple[bool, dict[str, str]]:
    found = {name.replace("_", "-"): str(value) for name, value in given.items() if not name.startswith(_NOT_OURS)}
    frozen = _SWITCHES.get(found.pop("frozen", "false").lower())
    if frozen is None:
        raise SettingsError(f"--frozen {given['frozen']}: allowed: true or false")
    if unknown := sorted(set(found) - set(HYPERPARAMETERS)):
        allowed = ", ".join(f"--{name}" for name in (*HYPERPARAMETERS, "frozen"))
        raise SettingsError(f"--{unknown[0]} is no hyperparameter of a job; there are {allowed}")
    try:
        return frozen, {name: value_of(name, value) for name, value in found.items()}
    except LaunchError as error:
        raise SettingsError(str(error)) from error
