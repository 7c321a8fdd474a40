"""Runs that reach MLflow, at once or later, and trainings that no server stops."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import mlflow
import numpy as np
import pytest
from matplotlib.figure import Figure
from mlflow import MlflowClient

from api.answers import as_prediction
from inference import load
from tests.surroundings import free_port
from training import tracking
from training.cli import main
from training.data.classes import read_classes
from training.tracking import settings
from training.tracking.figures import prediction_sheet, run_figures
from training.tracking.journal import journals

from . import mlflow_server

ROOT = Path(__file__).resolve().parents[3]
SHIPPED, SAMPLES = ROOT / "models" / "default", ROOT / "samples"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give the address of a local store; making its tables takes seconds."""
    return f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db"


@pytest.fixture(autouse=True)
def _here(tracked: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "120")  # for one that is away there is no wait


def test_a_run_is_in_the_store_with_all_that_was_said_of_it(
    store: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    (tmp_path / "model.json").write_text("{}")
    with tracking.run("sweep") as parent:
        tags = {"data_manifest": "abc"}
        with tracking.run("child", parameters={"epochs": 2, "recipe": {"rate": 0.1}}, tags=tags, parent=parent) as run:
            run.epoch(1, {"loss": 2.0})
            run.epoch(2, {"loss": 1.0})
            run.figure("empty", Figure())
            run.file(tmp_path / "model.json", "card")
        assert run.run_id
    client = MlflowClient(store)
    found = client.get_run(run.run_id)
    assert found.info.status == "FINISHED"
    assert found.data.params == {"epochs": "2", "recipe.rate": "0.1"}
    assert found.data.tags["data_manifest"] == "abc"
    assert found.data.tags["mlflow.parentRunId"] == parent.run_id
    assert len(found.data.tags["mlflow.source.git.commit"]) == 40
    assert [(one.step, one.value) for one in client.get_metric_history(run.run_id, "loss")] == [(1, 2.0), (2, 1.0)]
    assert "system/cpu_utilization_percentage" in found.data.metrics
    assert [one.path for one in client.list_artifacts(run.run_id, "figures")] == ["figures/empty.png"]
    assert [one.path for one in client.list_artifacts(run.run_id, "card")] == ["card/model.json"]
    assert "sync" not in capsys.readouterr().err


def test_a_server_that_is_away_stops_nothing_and_gets_the_run_later(
    store: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    with tracking.run("parent", folder=tmp_path / "kept") as parent:
        for number in (1, 2, 3):
            parent.epoch(number, {"loss": 1 / number})
        with tracking.run("child", parent=parent, folder=tmp_path / "kept") as child:
            child.epoch(1, {"loss": 0.5})
    assert parent.run_id is None
    said = capsys.readouterr().err
    assert said.count("Nothing is lost") == 2
    assert f"python -m training sync {journals(tmp_path / 'kept')[0].folder}" in said
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    assert main(["sync", str(tmp_path / "kept")]) == 0
    client = MlflowClient(store)
    ids = [journal.sent(store).run_id for journal in journals(tmp_path / "kept")]
    first, second = (client.get_run(str(one)) for one in ids)
    assert [one.step for one in client.get_metric_history(first.info.run_id, "loss")] == [1, 2, 3]
    assert (first.info.status, second.info.status) == ("FINISHED", "FINISHED")
    assert second.data.tags["mlflow.parentRunId"] == first.info.run_id
    assert main(["sync", str(tmp_path / "kept")]) == 0
    assert "has every run" in capsys.readouterr().out
    assert len(client.get_metric_history(first.info.run_id, "loss")) == 3


def test_a_failure_of_the_training_is_the_trainings_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(ZeroDivisionError), tracking.run("broken", folder=tmp_path / "kept") as run:
        run.epoch(1, {"loss": 1 / 0})
    (journal,) = journals(tmp_path / "kept")
    assert [event["status"] for event in journal.events() if event["event"] == "end"] == ["FAILED"]


def test_a_password_in_the_address_is_neither_told_nor_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://me:hunter2@127.0.0.1:{port}")
    with tracking.run("secret", folder=tmp_path / "kept"):
        pass
    said = capsys.readouterr().err
    assert f"MLflow at http://127.0.0.1:{port} has not" in said
    written = b"".join(path.read_bytes() for path in (tmp_path / "kept").rglob("*") if path.is_file())
    assert "hunter2" not in said
    assert b"hunter2" not in written


def test_switched_off_nothing_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LEUKOLENS_TRACKING", "off")
    with tracking.run("quiet") as run:
        run.epoch(1, {"loss": 1.0})
        run.figure("none", Figure())
    assert list(tmp_path.iterdir()) == []


def test_a_trial_is_not_among_real_runs_but_goes_where_it_is_sent(
    store: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with tracking.run("smoke", trial=True) as run:
        run.epoch(1, {"loss": 1.0})
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    with tracking.run("smoke", trial=True) as run:
        run.epoch(1, {"loss": 1.0})
    assert MlflowClient(store).get_run(str(run.run_id)).data.metrics["loss"] == 1.0


def test_a_line_that_was_cut_off_is_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
    with tracking.run("killed", folder=tmp_path / "kept"):
        pass
    (journal,) = journals(tmp_path / "kept")
    whole = journal.events()
    with (journal.folder / "journal.jsonl").open("a") as file:
        file.write('{"event": "metr')
    assert journal.events() == whole


@pytest.mark.parametrize(
    ("uri", "host", "given"),
    [
        ("https://dagshub.com/me/smears.mlflow", None, True),
        ("https://dagshub.hospital.example/me/smears.mlflow", "https://dagshub.hospital.example", True),
        ("https://mlflow.example/", None, False),
        ("https://dagshub.com.example/me/smears.mlflow", None, False),
        ("http://dagshub.com/me/smears.mlflow", None, False),
    ],
)
def test_the_token_of_dagshub_is_for_its_host_alone(
    monkeypatch: pytest.MonkeyPatch, uri: str, host: str | None, given: bool
) -> None:
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "")  # so that what is set here is taken back after the test
        monkeypatch.delenv(name)
    monkeypatch.setenv("DAGSHUB_USER_TOKEN", "token")
    if host:
        monkeypatch.setenv("DAGSHUB_CLIENT_HOST", host)
    settings.prepare_environment(uri)
    assert (os.environ.get("MLFLOW_TRACKING_PASSWORD") == "token") is given
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "")


@pytest.fixture
def modules() -> Iterator[None]:
    """Put back ``api``, ``inference`` and ``intake``, which MLflow takes out where a model brings its own."""
    kept, path = dict(sys.modules), list(sys.path)
    yield
    sys.modules.update(kept)
    sys.path[:] = path


@pytest.mark.usefixtures("modules")
def test_a_model_is_registered_as_a_version_and_answers_as_the_api(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    with tracking.run("with a model") as run:
        run.dataset("smears", digest="f" * 64, source=str(SAMPLES), fields={"Pre": 2})
        run.model(SHIPPED, version="1.2.3", tags={"sha256": "abc"}, alias="candidate")
    client = MlflowClient(store)
    version = client.get_model_version_by_alias("leukolens", "candidate")
    assert version.run_id == run.run_id
    assert version.tags == {"version": "1.2.3", "sha256": "abc"}
    logged = client.get_run(str(run.run_id))
    (history,) = json.loads(logged.data.tags["mlflow.log-model.history"])
    assert (history["artifact_path"], list(history["flavors"])) == ("model", ["python_function"])
    (given,) = logged.inputs.dataset_inputs
    assert (given.dataset.name, given.dataset.digest) == ("smears", "f" * 36)
    monkeypatch.setattr(mlflow, "get_tracking_uri", lambda: store)
    model = mlflow.pyfunc.load_model(client.download_artifacts(str(run.run_id), "model"))
    field = min(SAMPLES.glob("*.png"))
    (by_path,) = model.predict([{"path": str(field)}])
    (by_bytes,) = model.predict([{"image": field.read_bytes()}])
    classifier = load(SHIPPED)
    expected = as_prediction(classifier.predict(field.read_bytes()), classifier, "x").model_dump(mode="json")
    for answer in (by_path, by_bytes):
        same = {name: answer[name] for name in expected if name not in ("request_id", "model")}
        assert same == {name: expected[name] for name in same}
        assert answer["model"]["sha256"] == classifier.digest
    with pytest.raises(mlflow.MlflowException, match=r"row 1: .*not those of an image"):
        model.predict([{"image": field.read_bytes()}, {"image": b"text"}])


def test_the_confusion_matrix_shows_the_counts() -> None:
    labels = np.array([0, 0, 1, 2, 3, 3])
    probabilities = np.eye(4, dtype=np.float32)[[0, 1, 1, 2, 3, 3]] * 0.9 + 0.025
    figures = run_figures(labels, probabilities, read_classes())
    assert set(figures) == {"confusion", "roc", "reliability", "risk-coverage"}
    shown = [text.get_text() for text in figures["confusion"].axes[0].texts]
    assert shown == ["1", "1", "0", "0", "0", "1", "0", "0", "0", "0", "1", "0", "0", "0", "0", "2"]


def test_a_sheet_shows_every_field_and_marks_what_is_wrong() -> None:
    images = np.zeros((7, 32, 32, 3), np.uint8)
    answers = [("Pre", 0.9)] * 6 + [("Pro", 0.6)]
    sheet = prediction_sheet(images, np.ones((7, 4, 4), np.float32), ["Pre"] * 7, answers)
    titles = [(axes.get_title(), axes.title.get_color()) for axes in sheet.axes]
    assert titles == [("Pre: Pre 0.90", "black")] * 6 + [("Pre: Pro 0.60", "#D55E00")]


@pytest.mark.slow
def test_a_server_that_goes_down_gets_the_rest_when_it_is_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
    with ExitStack() as ending:
        with mlflow_server.running(tmp_path, port):
            run = ending.enter_context(tracking.run("cut off", folder=tmp_path / "kept"))
            run.epoch(1, {"loss": 3.0})
            assert run.run_id
        run.epoch(2, {"loss": 2.0})
        run.epoch(3, {"loss": 1.0})
    assert "Nothing is lost" in capsys.readouterr().err
    (sent,) = json.loads(next((tmp_path / "kept").glob("*/sent.json")).read_text())
    with mlflow_server.running(tmp_path, port):
        assert main(["sync", str(tmp_path / "kept")]) == 0
        client = MlflowClient(os.environ["MLFLOW_TRACKING_URI"])
        history = client.get_metric_history(sent["run_id"], "loss")
        assert [(one.step, one.value) for one in history] == [(1, 3.0), (2, 2.0), (3, 1.0)]
        assert client.get_run(sent["run_id"]).info.status == "FINISHED"
