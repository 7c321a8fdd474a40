"""Sends journals to MLflow: what is new, in order, and without waiting long for a server that is away.

Runs whose process ended without a word, by SIGKILL or a power cut: else nobody would tell MLflow that they ended.
"""

import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.tracking.events import SEND, begin, log_metrics, log_parameters, metrics_from
from training.tracking.journal import Journal, Sent, journals
from training.tracking.server import connect, folder_of, link
from training.tracking.settings import without_password

if TYPE_CHECKING:
    from mlflow import MlflowClient

PAUSE_S = 60.0
"""How long training is left in peace by a server that did not answer."""

_log = logging.getLogger(__name__)


class Sender:
    """Keeps one MLflow server up to date with one journal.

    Parameters
    ----------
    journal
        What is sent.
    uri
        The server's address.

    Attributes
    ----------
    is_away
        Whether the server did not answer when it was last spoken to.
    """

    def __init__(self, journal: Journal, uri: str) -> None:
        self._journal, self._uri, self._address = journal, uri, without_password(uri)
        self._client: MlflowClient | None = None
        self._artifacts: Path | None = None
        self._quiet_until = 0.0
        self._last_error: str | None = None
        self.is_away = False

    @property
    def run_id(self) -> str | None:
        """The run on the server, once it is there."""
        return self._journal.sent(self._address).run_id

    def send(self, *, last: bool = False) -> bool:
        """Send what is new, unless the server was silent a short while ago; tells whether it has everything.

        Parameters
        ----------
        last
            Also try again what the server failed at before.
        """
        if time.monotonic() < self._quiet_until:
            return False
        try:
            self._send_new(last=last)
            self.is_away = False
        # Whatever a server, its client or the network between them comes up with: training does not end of it.
        except Exception as error:  # noqa: BLE001
            self._last_error, self.is_away = self._error_line(error), True
            self._quiet_until = time.monotonic() + PAUSE_S
            _log.warning("MLflow at %s: %s", self._address, self._last_error)
            return False
        return self._journal.is_sent_to(self._address)

    def finish(self) -> str | None:
        """Send the rest, even if the server was silent just now; gives a notice if it does not have all of the run."""
        self._quiet_until = 0.0
        if self.send(last=True):
            refused = self._journal.sent(self._address).refused
            if not refused:
                return None
            reasons = "; ".join(dict.fromkeys(refused.values()))
            return f"MLflow at {self._address} has this run, but does not take all of it ({reasons}). The rest is there"
        return (
            f"MLflow at {self._address} has not got all of this run ({self._last_error}). Nothing is lost: it is in "
            f"{self._journal.folder}; send it with `python -m training sync {self._journal.folder}`"
        )

    def registered_versions(self, name: str) -> list[str]:
        """List the ``version`` tags of a registered model; none where the server has no registry, or is away."""
        if self._client is None or self.is_away:
            return []
        try:
            versions = self._client.search_model_versions(f"name = '{name}'")
        except Exception as error:  # noqa: BLE001 - as for whatever is sent
            _log.warning("MLflow at %s has no versions to tell: %s", self._address, self._error_line(error))
            return []
        return [str(version.tags["version"]) for version in versions if "version" in version.tags]

    def _send_new(self, *, last: bool = False) -> None:
        if self._client is None:
            self._client = connect(self._uri)
        sent, events = self._journal.sent(self._address), self._journal.events()
        for number in sent.waiting if last else ():
            sent = self._attempt(self._client, events, number, replace(sent, waiting=_remove(sent.waiting, number)))
            self._journal.save_sent(sent)
        while sent.events < len(events):
            sent = self._attempt(self._client, events, sent.events, sent)
            self._journal.save_sent(sent)

    def _attempt(self, client: "MlflowClient", events: list[dict[str, Any]], number: int, sent: Sent) -> Sent:
        """Send one event, or the series of metrics that begins with it; put aside what the server cannot take.

        Raises
        ------
        Exception
            The server is away, or will not even begin the run.
        """
        is_metrics = events[number]["event"] == "metrics" and sent.run_id is not None and number == sent.events
        batch = metrics_from(events, number) if is_metrics else [events[number]]
        next_event = max(sent.events, number + len(batch))
        try:
            return replace(self._send_batch(client, batch, sent), events=next_event)
        except Exception as error:
            sent = self._journal.sent(self._address) if sent.run_id is None else sent
            if sent.run_id is None or not _server_answers(client, sent.run_id):
                raise
            self._last_error = f"{events[number]['event']}: {self._error_line(error)}"
            numbers = range(number, number + len(batch))
            if _is_final(error):
                refused = sent.refused | {str(event_number): self._last_error for event_number in numbers}
                return replace(sent, events=next_event, refused=refused)
            return replace(sent, events=next_event, waiting=(*sent.waiting, *numbers))

    def _send_batch(self, client: "MlflowClient", batch: list[dict[str, Any]], sent: Sent) -> Sent:
        event = batch[0]
        if event["event"] == "begin":
            if sent.run_id is None:
                sent = replace(sent, run_id=begin(client, event, self._parent_run_id(event)))
                # At once: what is cut off here must not make a second run when it goes on.
                self._journal.save_sent(sent)
            log_parameters(client, str(sent.run_id), event["parameters"])
            return sent
        if sent.run_id is None:
            raise ValueError(f"{self._journal.folder} does not begin with a run's beginning: it cannot be sent")
        if event["event"] == "metrics":
            log_metrics(client, sent.run_id, batch)
        elif event["event"] == "file":
            self._log_file(client, sent.run_id, event)
        else:
            SEND[event["event"]](client, sent.run_id, event)
        return sent

    def _parent_run_id(self, event: dict[str, Any]) -> str | None:
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
        if self._artifacts is None:
            self._artifacts = folder_of(client.get_run(run_id).info.artifact_uri)
        if self._artifacts is not None:  # on this machine: once on the disk, and not twice
            link(path, self._artifacts / event["path"])
        elif path.is_dir():
            client.log_artifacts(run_id, str(path), artifact_path=event["path"])
        else:
            client.log_artifact(run_id, str(path), artifact_path=event["to"] or None)

    def _error_line(self, error: Exception) -> str:
        text = without_password(self._uri, str(error)).strip()
        return text.splitlines()[0] if text else type(error).__name__


def _remove(numbers: tuple[int, ...], number: int) -> tuple[int, ...]:
    return tuple(other for other in numbers if other != number)


def _server_answers(client: "MlflowClient", run_id: str) -> bool:
    """Tell whether the server answers, so that only this one request failed."""
    try:
        client.get_run(run_id)
    except Exception:  # noqa: BLE001 - as for whatever is sent
        return False
    return True


_RETRYABLE = frozenset({401, 403, 408, 425, 429})
"""Of the answers that refuse: what another login or another time may change."""


def _is_final(error: Exception) -> bool:
    """Tell whether a server that answers has refused for good: it has no such feature, or takes no such value."""
    from mlflow.exceptions import MlflowException

    if not isinstance(error, MlflowException):
        return False
    status = error.get_http_status_code()  # type: ignore[no-untyped-call]
    return error.error_code in ("FEATURE_DISABLED", "NOT_IMPLEMENTED") or (
        400 <= status < 500 and status not in _RETRYABLE
    )


def close_abandoned(root: Path, uri: str, address: str) -> list[Journal]:
    """End runs as KILLED that no living process writes any more, also on the server that has them as running.

    Parameters
    ----------
    root : Path
        Folder of runs written down.
    uri, address : str
        The server's address, and the same without any password.

    Returns
    -------
    list of Journal
        What was closed.
    """
    closed = [journal for journal in journals(root) if journal.close_if_abandoned()]
    for journal in closed:
        if journal.sent(address).run_id is not None:
            Sender(journal, uri).finish()  # what it says where the server is away holds for ``sync`` too, later
    return closed
