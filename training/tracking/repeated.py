"""Reads an MLflow run so that it can be repeated: its options, and which fields it learnt from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.data.manifest import Manifest
from training.models.recipes import HIDDEN_LAYERS, METHODS, Recipe, read_recipe, settings_of
from training.tracking.server import connect
from training.tracking.settings import tracking_uri, without_password

if TYPE_CHECKING:
    from mlflow.entities import Run

COMMIT, DIGEST = "mlflow.source.git.commit", "data_manifest"
_UNKNOWN = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")


class RunError(ValueError):
    """The run cannot be repeated; says why in a line."""


class ServerAwayError(RuntimeError):
    """The server that has the run does not answer."""


@dataclass(frozen=True)
class Repeated:
    """The options and data of a run, as ``train`` takes them.

    Attributes
    ----------
    run_id
        Of MLflow.
    backbone, recipe
        What was trained, and how.
    external, outliers
        Folders of fields of no class; ``outliers`` is None where a version made the run that wrote none down.
    group_pattern
        By which groups were read off the files' names, if any.
    source
        Where the fields lay: a folder, or a prefix in S3.
    digest
        Of their manifest, or its first characters.
    commit
        Of the code; empty where nobody knows.
    """

    run_id: str
    backbone: str
    recipe: Recipe
    external: tuple[Path, ...]
    outliers: tuple[Path, ...] | None
    group_pattern: str | None
    source: str
    digest: str
    commit: str

    def folder(self) -> Path:
        """Give the folder of the fields.

        Raises
        ------
        RunError
            It is not on this machine.
        """
        if not self.source or self.source.startswith("s3://") or not Path(self.source).is_dir():
            pull = f"python -m training pull {self.source} FOLDER" if self.source.startswith("s3://") else "find them"
            raise RunError(
                f"--from-run {self.run_id}: its fields lay at {self.source or 'a place that nobody wrote down'}, which "
                f"is no folder here: {pull}, and give --data FOLDER"
            )
        return Path(self.source)

    def demand_same(self, manifest: Manifest, folder: Path) -> None:
        """Refuse other fields than the run's.

        Raises
        ------
        RunError
            The digests differ.
        """
        if not manifest.digest.startswith(self.digest):
            raise RunError(
                f"--from-run {self.run_id}: {folder} is not what it learnt from: its manifest is "
                f"{manifest.digest[:16]}, and the run's {self.digest[:16]}; give the folder as it was by --data"
            )


def read_run(run_id: str) -> Repeated:
    """Read a run of ``train``, or of a job, from the tracking server.

    Raises
    ------
    RunError
        There is none of that id, or it is no training of this project.
    ServerAwayError
        The server does not answer.
    """
    run = _fetch(run_id)
    parameters = run.data.params
    methods = {method.method: method for method in METHODS}
    method, backbone = methods.get(parameters.get("method", "")), parameters.get("backbone", "")
    if method is None or backbone not in HIDDEN_LAYERS:
        raise RunError(f"--from-run {run_id}: {run.info.run_name} is no training of this project: it tells no method")
    if "fold" in parameters or "folds" in parameters:
        raise RunError(f"--from-run {run_id}: {run.info.run_name} is of crossvalidate, which goes on by itself")
    settings = {name: name.replace("-", "_") for name in settings_of(method)}
    recipe_values = {name: parameters[key] for name, key in settings.items() if key in parameters}
    inputs = [entry.dataset for entry in run.inputs.dataset_inputs] if run.inputs else []
    digest = run.data.tags.get(DIGEST) or (inputs[0].digest if inputs else "")
    if not digest:
        raise RunError(f"--from-run {run_id}: it ended before it had read its fields: nobody knows which they were")
    return Repeated(
        run_id=run_id,
        backbone=backbone,
        recipe=read_recipe(backbone, frozen=method.frozen, given=recipe_values),
        external=_folders(parameters, "external"),
        outliers=_folders(parameters, "outliers") if "outliers" in parameters else None,
        group_pattern=parameters.get("group_pattern"),
        source=_source_address(inputs[0].source) if inputs else "",
        digest=digest,
        commit=run.data.tags.get(COMMIT, ""),
    )


def _fetch(run_id: str) -> "Run":
    uri = tracking_uri()
    address = without_password(uri)
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).exists():
        raise RunError(f"--from-run {run_id}: {address} is not there; name the server by MLFLOW_TRACKING_URI")
    client = connect(uri)
    from mlflow.exceptions import MlflowException

    try:
        return client.get_run(run_id)
    except MlflowException as error:
        if error.error_code in _UNKNOWN:
            raise RunError(f"--from-run {run_id}: {address} has no such run") from None
        raise ServerAwayError(f"{address} does not tell of run {run_id}: {without_password(uri, str(error))}") from None


def _folders(parameters: Mapping[str, str], name: str) -> tuple[Path, ...]:
    """Read a parameter that lists folders."""
    return tuple(Path(folder) for folder in json.loads(parameters.get(name) or "[]"))


def _source_address(source: str) -> str:
    description: dict[str, Any] = json.loads(source)
    return str(description.get("uri") or description.get("url") or "")
