"""Tracks runs in MLflow, written down on this machine first and then sent: no server can stop a training.

::

    with tracking.run("lite0", parameters={"epochs": 6}, tags={"data_manifest": digest}) as run:
        run.epoch(1, {"loss": 0.4})
        run.figure("confusion", figure)
        run.file(path, "model")
        run.model(folder, version="1.0.0")

Where to: ``MLFLOW_TRACKING_URI`` (a server of DagsHub's, SageMaker's MLflow App by its ARN, any other), else a local
store, ``runs/mlflow.db``, which ``make mlflow`` shows. ``MLFLOW_TRACKING_USERNAME`` and ``MLFLOW_TRACKING_PASSWORD`` or
``MLFLOW_TRACKING_TOKEN`` are MLflow's own; DagsHub's ``DAGSHUB_USER_TOKEN`` stands in for them on DagsHub's host.
``MLFLOW_EXPERIMENT_NAME`` names the experiment. ``LEUKOLENS_PARENT_RUN`` is the id of the run that this one is filed
under, ``LEUKOLENS_SWEEP`` the sweep that it belongs to. ``LEUKOLENS_TRACKING=off`` tracks nothing at all.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from training.tracking.journal import FOLDER, Journal
from training.tracking.run import Run
from training.tracking.sender import Sender, close_abandoned
from training.tracking.settings import server_is_named, tracking_uri, without_password
from training.tracking.system import SystemMetrics, source_tags

__all__ = ["FOLDER", "Run", "is_off", "run"]

SWITCH, PARENT, SWEEP = "LEUKOLENS_TRACKING", "LEUKOLENS_PARENT_RUN", "LEUKOLENS_SWEEP"
OFF = "off"
FAILURE, MAX_REASON_CHARACTERS = "leukolens.failure", 5000
"""Tag of a failed run that says why; MLflow takes 8,000 characters."""


def is_off() -> bool:
    """Tell whether tracking is switched off."""
    return os.environ.get(SWITCH, "").lower() == OFF


@contextmanager
def run(
    name: str,
    *,
    parameters: Mapping[str, object] | None = None,
    tags: Mapping[str, str] | None = None,
    parent: Run | None = None,
    folder: Path = FOLDER,
    trial: bool = False,
    resume_tag: str | None = None,
) -> Iterator[Run]:
    """Track one run; the body goes on even if the server fails.

    Parameters
    ----------
    name : str
        What it is called.
    parameters : mapping, optional
        How it is done; a mapping within is flattened to ``outer.inner``.
    tags : mapping, optional
        What it belongs to, such as ``data_manifest``, the digest of the fields; the git commit is added.
    parent : Run, optional
        The run that this one is filed under; the one that ``LEUKOLENS_PARENT_RUN`` names unless given.
    folder : Path
        Where runs are written down, each in a folder of its own.
    trial : bool
        Only to see whether the parts work: goes to a server that the environment names, not to this machine's store,
        where it would stand among real runs.
    resume_tag : str, optional
        A tag by which the server knows a run that was cut off before: this one goes on with it, if there is one of the
        same value that has not finished.

    Yields
    ------
    Run
        Ends as FINISHED, or as FAILED or KILLED when the body raises.
    """
    if is_off() or (trial and not server_is_named()):
        yield Run(None, None)
        return
    uri = tracking_uri()
    close_abandoned(folder, uri, without_password(uri))
    journal = Journal.begin(folder, name)
    tracked_run = Run(journal, Sender(journal, uri))
    extra_fields = {"parent_id": os.environ[PARENT]} if PARENT in os.environ else {}
    if parent is not None and parent.journal is not None:
        extra_fields = {"parent_folder": str(parent.journal.folder)}
    if resume_tag and (tags or {}).get(resume_tag):
        extra_fields["goes_on"] = resume_tag
    sweep = {"leukolens.sweep": os.environ[SWEEP]} if SWEEP in os.environ else {}
    status = "FAILED"
    with journal.write_lock():
        try:
            tracked_run.begin(name, parameters or {}, {**source_tags(), **sweep, **(tags or {})}, extra_fields)
            with SystemMetrics(tracked_run):
                yield tracked_run
            status = "FINISHED"
        except KeyboardInterrupt:
            status = "KILLED"
            raise
        except Exception as error:
            message = " ".join(str(error).split())
            tracked_run.tags({FAILURE: f"{type(error).__name__}: {message}"[:MAX_REASON_CHARACTERS]})
            raise
        finally:
            if notice := tracked_run.end(status):
                sys.stderr.write(notice + "\n")
