"""What must hold of every run in MLflow that made a model."""

from pathlib import Path

import keras
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from inference import Classifier, load
from training.data.classes import labels_of, read_classes
from training.data.synthetic import draw_field

MODEL_FILES = ("model.json", "model.tflite")
DRAWINGS = ("confusion", "roc", "reliability", "risk-coverage", "predictions")


def runs_by_name(client: MlflowClient, experiment: str) -> dict[str, Run]:
    """Find the runs of an experiment, each name once."""
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    runs = client.search_runs([found.experiment_id])
    by_name = {str(run.info.run_name): run for run in runs}
    assert len(by_name) == len(runs)
    return by_name


def expect_a_model(
    client: MlflowClient, run: Run, manifest: str, place: Path, folder: str = "model/artifacts/model"
) -> tuple[Classifier, dict[str, str]]:
    """Expect all that a run logs of a model, whole and able to serve; gives its file and its version's tags."""
    assert run.info.status == "FINISHED"
    assert run.data.tags["data_manifest"] == manifest
    assert len(run.data.tags["mlflow.source.git.commit"]) == 40
    assert "system/cpu_utilization_percentage" in run.data.metrics
    run_id = run.info.run_id
    assert {f"figures/{name}.png" for name in DRAWINGS} <= files_in(client, run_id, "figures")
    assert {f"{folder}/{name}" for name in MODEL_FILES} <= files_in(client, run_id, folder)
    (version,) = [one for one in client.search_model_versions("name='leukolens'") if one.run_id == run_id]
    fetched = place / run_id
    fetched.mkdir()
    file = load(Path(client.download_artifacts(run_id, folder, str(fetched))))
    assert version.tags["sha256"] == file.card.sha256
    assert file.run(draw_field(labels_of(read_classes())[0], 0)).probabilities.sum() == pytest.approx(1.0, abs=1e-5)
    assert "python_function" in run.data.tags["mlflow.log-model.history"]
    (fields,) = [given.dataset for given in run.inputs.dataset_inputs]
    assert manifest.startswith(fields.digest)
    network = keras.models.load_model(client.download_artifacts(run_id, "keras/model.keras", str(fetched)))
    assert network.output_shape == (None, len(read_classes()))
    return file, dict(version.tags)


def files_in(client: MlflowClient, run_id: str, folder: str) -> set[str]:
    """List the files of an artifact folder."""
    return {file.path for file in client.list_artifacts(run_id, folder)}
