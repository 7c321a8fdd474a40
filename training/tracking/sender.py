"""Sends journals to MLflow: what is new, in order, and never for longer than a server deserves.

Runs whose process ended without a word, by SIGKILL or a power cut: else nobody would tell MLflow that they ended.
"""

import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.tracking.journal import Journal, Sent, journals
from training.tracking.settings import artifact_location, experiment_name, prepare_environment, without_password

if TYPE_CHECKING:
    from mlflow import MlflowClient

PAUSE_S = 60.0
"""How long training is left in peace by a server that did not answer."""
BATCH = 100
"""Parameters or metrics in one request: MLflow takes no more parameters."""

_log = logging.getLogger(__name__)


class Sender:
    """Keeps one MLflow server up to date with one journal.

    Parameters
    ----------
    journal
        What is sent.
    uri
        The server's address.
    """

    def __init__(self, journal: Journal, uri: str) -> None:
        self._journal, self._uri, self._place = journal, uri, without_password(uri)
        self._client: MlflowClient | None = None
        self._quiet_until = 0.0
        self._trouble: str | None = None

    @property
    def run_id(self) -> str | None:
        """The run on the server, once it is there."""
        return self._journal.sent(self._place).run_id

    def send(self) -> bool:
        """Send what is new, unless the server was silent a short while ago; tells whether it has everything."""
        if time.monotonic() < self._quiet_until:
            return False
        try:
            self._send_new()
        # Whatever a server, its client or the network between them comes up with: training does not end of it.
        except Exception as error:  # noqa: BLE001
            said = without_password(self._uri, str(error)).strip()
            self._trouble = said.splitlines()[0] if said else type(error).__name__
            self._quiet_until = time.monotonic() + PAUSE_S
            _log.warning("MLflow at %s: %s", self._place, self._trouble)
            return False
        return True

    def finish(self) -> str | None:
        """Send the rest, however short ago the server was silent; gives what to tell if it is not there whole."""
        self._quiet_until = 0.0
        if self.send():
            return None
        return (
            f"MLflow at {self._place} has not got all of this run ({self._trouble}). Nothing is lost: it is in "
            f"{self._journal.folder}; send it with `python -m training sync {self._journal.folder}`"
        )

    def _send_new(self) -> None:
        if self._client is None:
            self._client = _connect(self._uri)
        client = self._client
        sent, events = self._journal.sent(self._place), self._journal.events()
        while sent.events < len(events):
            event = events[sent.events]
            if event["event"] == "metrics" and sent.run_id:
                batch = _run_of_metrics(events, sent.events)
                _log_metrics(client, sent.run_id, batch)
                sent = replace(sent, events=sent.events + len(batch))
            else:
                sent = replace(self._send_one(client, event, sent), events=sent.events + 1)
            self._journal.keep(sent)

    def _send_one(self, client: "MlflowClient", event: dict[str, Any], sent: Sent) -> Sent:
        if event["event"] == "begin":
            if sent.run_id is None:
                sent = replace(sent, run_id=_create(client, event, self._above(event)))
                self._journal.keep(sent)  # at once: what is cut off here must not make a second run when it goes on
            _log_parameters(client, str(sent.run_id), event["parameters"])
            return sent
        if sent.run_id is None:
            raise ValueError(f"{self._journal.folder} does not begin with a run's beginning: it cannot be sent")
        match event["event"]:
            case "tags":
                for name, value in event["tags"].items():
                    client.set_tag(sent.run_id, name, value)
            case "file":
                self._log_file(client, sent.run_id, event)
            case "register":
                _register(client, sent.run_id, event)
            case "end":
                client.set_terminated(sent.run_id, event["status"], end_time=event["time_ms"])
        return sent

    def _above(self, event: dict[str, Any]) -> str | None:
        """Give the id of the run that this one is filed under; sends that one first if the server lacks it."""
        folder = Path(event.get("parent_folder", ""))
        if "parent_folder" not in event or not folder.is_dir():
            return event.get("parent_id")
        parent = Sender(Journal(folder), self._uri)
        if parent.run_id is None:
            parent._send_new()
        return parent.run_id

    def _log_file(self, client: "MlflowClient", run_id: str, event: dict[str, Any]) -> None:
        path = self._journal.files / event["path"]
        if path.is_dir():
            client.log_artifacts(run_id, str(path), artifact_path=event["path"])
        else:
            client.log_artifact(run_id, str(path), artifact_path=event["to"] or None)


def _connect(uri: str) -> "MlflowClient":
    prepare_environment(uri)
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def _log_metrics(client: "MlflowClient", run_id: str, batch: list[dict[str, Any]]) -> None:
    from mlflow.entities import Metric

    found = [
        Metric(name, value, event["time_ms"], event["step"])
        for event in batch
        for name, value in event["metrics"].items()
    ]
    for start in range(0, len(found), BATCH):
        client.log_batch(run_id, metrics=found[start : start + BATCH])


def _create(client: "MlflowClient", event: dict[str, Any], above: str | None) -> str:
    name = experiment_name()
    found = client.get_experiment_by_name(name)
    location = artifact_location(client.tracking_uri)
    experiment = found.experiment_id if found else client.create_experiment(name, location)
    tags = event["tags"] | ({"mlflow.parentRunId": above} if above else {})
    made = client.create_run(experiment, start_time=event["time_ms"], tags=tags, run_name=event["name"])
    return str(made.info.run_id)


def _log_parameters(client: "MlflowClient", run_id: str, given: dict[str, str]) -> None:
    from mlflow.entities import Param

    parameters = [Param(key, value[:6000]) for key, value in given.items()]
    for start in range(0, len(parameters), BATCH):
        client.log_batch(run_id, params=parameters[start : start + BATCH])


def _register(client: "MlflowClient", run_id: str, event: dict[str, Any]) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(event["name"])
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    source = f"runs:/{run_id}/{event['source']}"
    client.create_model_version(event["name"], source, run_id, tags=event["tags"], await_creation_for=0)


def _run_of_metrics(events: list[dict[str, Any]], start: int) -> list[dict[str, Any]]:
    """Give the events from ``start`` on that are all metrics: they go in one request."""
    stop = start
    while stop < len(events) and events[stop]["event"] == "metrics":
        stop += 1
    return events[start:stop]


def close_abandoned(root: Path, uri: str, place: str) -> list[Journal]:
    """End as KILLED what no living process writes any more, and tell the server that had it as running.

    Parameters
    ----------
    root : Path
        Folder of runs written down.
    uri, place : str
        The server's address, and the same without any password.

    Returns
    -------
    list of Journal
        What was closed.
    """
    closed = [journal for journal in journals(root) if journal.close_if_abandoned()]
    for journal in closed:
        if journal.sent(place).run_id is not None:
            Sender(journal, uri).finish()  # what it says where the server is away holds for ``sync`` too, later
    return closed
