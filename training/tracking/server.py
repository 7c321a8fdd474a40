"""Connects to an MLflow server or store, for every part that needs one."""

import fcntl
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from training.tracking.settings import artifact_location, prepare_environment

if TYPE_CHECKING:
    from mlflow import MlflowClient

QUIET = {
    # Each of a new store's 60 tables.
    "alembic": logging.WARNING,
    "mlflow": logging.WARNING,
    # At every request: sagemaker-mlflow takes each address for an ARN, and fails at the others.
    "mlflow.tracking.request_header.registry": logging.ERROR,
}
"""Loggers that would tell hundreds of lines on the way to one run, and from what level on they are heard."""


def connect(uri: str) -> "MlflowClient":
    """Give a client of a server, or of a store on this machine, whose tables are made by one process alone.

    Four processes that find no tables each make them, and the store is broken for all (MLflow takes no lock).
    """
    prepare_environment(uri)
    for name, level in QUIET.items():
        logging.getLogger(name).setLevel(level)
    from mlflow import MlflowClient  # it takes seconds

    if not uri.startswith("sqlite:///"):
        return MlflowClient(tracking_uri=uri, registry_uri=uri)
    with _exclusive_access(Path(uri[10:])):
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        client.search_experiments(max_results=1)  # at the latest now the tables are made
    return client


@contextmanager
def _exclusive_access(store: Path) -> Iterator[None]:
    """Keep other processes out while the ``with`` lasts."""
    with store.with_name(f"{store.name}.lock").open("w") as lock:
        with suppress(OSError):  # where the file system knows no locks, there is nothing better
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def experiment_id(client: "MlflowClient", name: str) -> str:
    """Find an experiment, or make it; another process may make it at the same time."""
    from mlflow.exceptions import MlflowException

    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        try:
            return str(client.create_experiment(name, artifact_location(client.tracking_uri)))
        except MlflowException:
            experiment = client.get_experiment_by_name(name)
            if experiment is None:
                raise
    return str(experiment.experiment_id)


def folder_of(artifact_uri: str) -> Path | None:
    """Give the folder of a run's artifacts where they lie on this machine."""
    parts = urlsplit(artifact_uri)
    return Path(unquote(parts.path)) if parts.scheme in ("", "file") else None


def link(source: Path, target: Path) -> None:
    """Put a file or folder in a second place without a second copy of its bytes, where the file system can."""
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        for inner in source.iterdir():
            link(inner, target / inner.name)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
