"""Sends each kind of a journal's events to MLflow."""

import json
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from training.tracking.server import experiment_id
from training.tracking.settings import experiment_name

if TYPE_CHECKING:
    from mlflow import MlflowClient

BATCH = 100
"""Parameters or metrics in one request: MLflow takes no more parameters."""
MAX_DIGEST_CHARACTERS = 36
"""Characters: MLflow takes no more."""
Event = dict[str, Any]


def begin(client: "MlflowClient", event: Event, parent_id: str | None) -> str:
    """Make the run, or open the one again that the same job began before it was cut off."""
    experiment = experiment_id(client, experiment_name())
    tags = event["tags"] | ({"mlflow.parentRunId": parent_id} if parent_id else {})
    if name := event.get("goes_on"):
        previous_runs = client.search_runs(
            [experiment], f"tags.`{name}` = '{tags[name]}'", max_results=1, order_by=["attributes.start_time DESC"]
        )
        if previous_runs and previous_runs[0].info.status != "FINISHED":
            run_id = str(previous_runs[0].info.run_id)
            client.update_run(run_id, status="RUNNING")
            for key, value in tags.items():
                client.set_tag(run_id, key, value)
            return run_id
    created_run = client.create_run(experiment, start_time=event["time_ms"], tags=tags, run_name=event["name"])
    return str(created_run.info.run_id)


def log_parameters(client: "MlflowClient", run_id: str, parameters: dict[str, str]) -> None:
    """Log the parameters of a run."""
    from mlflow.entities import Param

    params = [Param(key, value[:6000]) for key, value in parameters.items()]
    for start in range(0, len(params), BATCH):
        client.log_batch(run_id, params=params[start : start + BATCH])


def log_metrics(client: "MlflowClient", run_id: str, batch: list[Event]) -> None:
    """Log the numbers of several events in as few requests as there can be."""
    from mlflow.entities import Metric

    metrics = [
        Metric(name, value, event["time_ms"], event["step"])
        for event in batch
        for name, value in event["metrics"].items()
    ]
    for start in range(0, len(metrics), BATCH):
        client.log_batch(run_id, metrics=metrics[start : start + BATCH])


def metrics_from(events: list[Event], start: int) -> list[Event]:
    """Give the events from ``start`` on that are all metrics: they go in one request."""
    stop = start
    while stop < len(events) and events[stop]["event"] == "metrics":
        stop += 1
    return events[start:stop]


def _set_tags(client: "MlflowClient", run_id: str, event: Event) -> None:
    for name, value in event["tags"].items():
        client.set_tag(run_id, name, value)


def _show_model(client: "MlflowClient", run_id: str, event: Event) -> None:
    """Set the tag by which every version of MLflow's page shows the run's model."""
    model_info = {name: event[name] for name in ("flavors", "model_uuid", "utc_time_created")}
    history = [model_info | {"run_id": run_id, "artifact_path": event["path"]}]
    client.set_tag(run_id, "mlflow.log-model.history", json.dumps(history))


def _log_dataset(client: "MlflowClient", run_id: str, event: Event) -> None:
    from mlflow.data.dataset_source_registry import resolve_dataset_source
    from mlflow.entities import Dataset, DatasetInput, InputTag

    with warnings.catch_warnings(action="ignore"):  # several kinds of source take a folder
        source = resolve_dataset_source(event["source"])
    dataset = Dataset(
        name=event["name"],
        digest=event["digest"][:MAX_DIGEST_CHARACTERS],
        source_type=source._get_source_type(),
        source=source.to_json(),
        profile=json.dumps(event["fields"]),
    )
    client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])


def _register(client: "MlflowClient", run_id: str, event: Event) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(event["name"])
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    source = f"runs:/{run_id}/{event['source']}"
    model_version = client.create_model_version(event["name"], source, run_id, tags=event["tags"], await_creation_for=0)
    if alias := event.get("alias"):
        client.set_registered_model_alias(event["name"], alias, str(model_version.version))


def _end(client: "MlflowClient", run_id: str, event: Event) -> None:
    client.set_terminated(run_id, event["status"], end_time=event["time_ms"])


SEND: Mapping[str, Callable[["MlflowClient", str, Event], None]] = {
    "tags": _set_tags,
    "dataset": _log_dataset,
    "model": _show_model,
    "register": _register,
    "end": _end,
}
"""By kind; a run's beginning, its numbers and its files are sent each in a way of their own."""
