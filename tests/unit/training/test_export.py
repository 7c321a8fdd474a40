"""One run on drawn smears, and what is made of it: files of other precisions, folds to be evaluated."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient

from inference import load, read_card
from training import train
from training.cli import main
from training.data.dataset import load_fields
from training.data.protocols import positions
from training.data.synthetic import write_dataset
from training.data.validation import manifest_of
from training.evaluation.folds import read_candidates
from training.evaluation.metrics import confusion
from training.models.recipes import LinearProbe
from training.serving.files import ParityError
from training.serving.parity import Parity
from training.serving.precisions import INT8_AGREEMENT, demand
from training.serving.saved_model import convert
from training.tracking.repeated import read_run

from .model_folder import expect_to_serve
from .run_in_mlflow import expect_a_model, runs_by_name

PER_CLASS = 12
SHIPPED = Path(__file__).resolve().parents[3] / "models" / "default"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fields")
    write_dataset(folder, per_class=PER_CLASS, seed=5)
    return folder


@pytest.fixture(scope="module")
def run_folder(drawn: Path, small_lite0: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    places = ["--output", str(folder / "model"), "--work", str(folder / "work")]
    (folder / "model").mkdir()
    shutil.copy(SHIPPED / "model.json", folder / "model")  # as if a model of version 2.0.0 were trained again
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(train, "MAX_BYTES", 1)  # of what is shipped in every image; this is not
        patched.chdir(folder)
        patched.delenv("LEUKOLENS_TRACKING", raising=False)
        patched.setenv("MLFLOW_TRACKING_URI", store_of(folder))
        assert main(["train", "--data", str(drawn), "--frozen", *places]) == 0
    return folder


def store_of(folder: Path) -> str:
    return f"sqlite:///{folder}/mlflow.db"


@pytest.mark.slow
def test_a_frozen_run_on_drawn_smears_ships_a_model_that_serves(run_folder: Path) -> None:
    expect_to_serve(run_folder / "model")
    major, minor, _ = read_card(SHIPPED).version.split(".")
    assert read_card(run_folder / "model").version == f"{major}.{int(minor) + 1}.0"


@pytest.mark.slow
def test_mlflow_has_all_that_was_made_of_the_run(drawn: Path, run_folder: Path, tmp_path: Path) -> None:
    client, card = MlflowClient(store_of(run_folder)), load(run_folder / "model").card
    (version,) = client.search_model_versions("name='leukolens'")
    assert version.tags == {"version": card.version, "sha256": card.sha256}
    run = client.get_run(version.run_id)
    assert run.data.params["backbone"] == "efficientnet-lite0"
    assert run.data.metrics["held_out/balanced_accuracy"] == card.training["held_out"]["balanced_accuracy"]
    expect_a_model(client, run, manifest_of(drawn).digest, tmp_path)


@pytest.mark.slow
def test_a_run_can_be_done_again_from_its_id_alone(
    drawn: Path,
    run_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store_of(run_folder))
    client = MlflowClient(store_of(run_folder))
    (version,) = client.search_model_versions("name='leukolens'")
    run = client.get_run(version.run_id)
    again = ["train", "--from-run", run.info.run_id]

    def refused(*more: str) -> str:
        capsys.readouterr()
        assert main([*again, *more, "--dry-run"]) == 2
        return capsys.readouterr().err.splitlines()[-1]

    assert main([*again, "--dry-run"]) == 0
    rows = {name: value.strip() for name, value in (x.split("  ", 1) for x in capsys.readouterr().out.splitlines())}
    assert rows["manifest"] == manifest_of(drawn).digest
    for name in ("backbone", *LinearProbe().record()):
        assert rows[name] == run.data.params[name]
    assert rows["output"] == f"runs/repeated/{run.info.run_id}"
    assert (run.data.params["external"], run.data.params["outliers"]) == ("[]", "[]")
    assert "leave out --frozen, --copies" in refused("--frozen", "--copies", "1")
    write_dataset(tmp_path / "other", per_class=PER_CLASS, seed=6, size=96)
    assert "other is not what it learnt from" in refused("--data", "other")
    again[-1] = "0" * 32
    assert "has no such run" in refused()
    again[-1] = client.create_run(run.info.experiment_id, run_name="somebody's").info.run_id
    assert "somebody's is no training of this project" in refused()
    elsewhere = client.create_run(run.info.experiment_id)
    for name, value in run.data.params.items():
        if name != "outliers":  # an older version wrote none down
            client.log_param(elsewhere.info.run_id, name, value)
    client.log_param(elsewhere.info.run_id, "group_pattern", "([a-z]+)")
    again[-1] = elsewhere.info.run_id
    assert "nobody knows which they were" in refused()
    client.set_tag(elsewhere.info.run_id, "data_manifest", manifest_of(drawn).digest)
    assert "give --data FOLDER" in refused()
    assert (read_run(again[-1]).group_pattern, read_run(again[-1]).outliers) == ("([a-z]+)", None)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/nowhere.db")
    assert "nowhere.db is not there" in refused()


@pytest.mark.slow
def test_the_graph_that_training_leaves_makes_the_same_file_again(
    drawn: Path, run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = next((run_folder / "work").glob("*/saved_model"))
    output = run_folder / "again"
    asked = ["--saved-model", str(graph), "--model", str(run_folder / "model"), "--data", str(drawn)]
    assert main(["export", *asked, "--output", str(output), "--dry-run"]) == 0
    assert "dry run: nothing was trained, written or sent" in capsys.readouterr().err
    assert not output.exists()
    assert main(["export", *asked, "--precision", "float32", "--output", str(output)]) == 0
    assert "label agrees on 100.00%" in capsys.readouterr().out
    again, whole = load(output).card, load(run_folder / "model").card
    assert again.precision == "float32"
    assert again.training["parity"]["images"] == 4 * PER_CLASS
    assert again.size_bytes == pytest.approx(whole.size_bytes, rel=0.01)
    assert len(convert(graph, "float16", load_fields(drawn).images)) < 0.7 * whole.size_bytes


@pytest.mark.slow
def test_the_card_of_another_run_is_not_given_to_a_file(
    drawn: Path, run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = next((run_folder / "work").glob("*/saved_model"))
    asked = ["--saved-model", str(graph), "--model", str(SHIPPED), "--data", str(drawn)]
    for more in ([], ["--dry-run"]):
        assert main(["export", *asked, "--output", str(run_folder / "mixed"), *more]) == 2
    assert "are of different runs" in capsys.readouterr().err
    assert not (run_folder / "mixed").exists()


@pytest.mark.slow
def test_a_fold_is_trained_once_and_can_be_evaluated(
    drawn: Path, run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LEUKOLENS_TRACKING", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store_of(run_folder))
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "folds")
    features = str(run_folder / "runs" / "features")  # of the same network and fields
    command = ["crossvalidate", "--data", str(drawn), "--frozen", "--protocol", "contiguous", "--work", str(tmp_path)]
    command += ["--cache", features]
    assert main([*command, "--fold", "contiguous-2"]) == 0
    folder = tmp_path / "efficientnet-lite0" / "contiguous-2"
    assert load(folder).card.training["recipe"] == LinearProbe().record()
    made = (folder / "model.tflite").stat().st_mtime_ns
    assert main([*command, "--fold", "contiguous-2"]) == 0
    assert (folder / "model.tflite").stat().st_mtime_ns == made
    folds = read_candidates(tmp_path, manifest_of(drawn))["efficientnet-lite0"]["contiguous"]
    assert [fold.record.name for fold in folds] == ["contiguous-2"]
    client = MlflowClient(store_of(run_folder))
    runs = runs_by_name(client, "folds")  # of the first command alone: the second made nothing
    assert set(runs) == {"crossvalidate efficientnet-lite0", "contiguous-2"}
    file, tags = expect_a_model(client, runs["contiguous-2"], manifest_of(drawn).digest, tmp_path)
    assert file.card.sha256 == load(folder).card.sha256
    assert tags["fold"] == "contiguous-2"
    fields = load_fields(drawn)
    tested = fields.take(positions(fields, folds[0].record.test))
    answers = np.stack([file.run(image).probabilities for image in tested.images])
    assert file.card.training["held_out"]["confusion"] == confusion(tested.labels, answers.argmax(1), 4).tolist()


def test_an_unknown_fold_is_refused(drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["crossvalidate", "--data", str(drawn), "--protocol", "random", "--fold", "contiguous-9"]
    assert main([*command, "--work", str(tmp_path)]) == 2
    assert "no fold contiguous-9" in capsys.readouterr().err


def test_no_graph_no_export(run_folder: Path, drawn: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--saved-model", str(drawn), "--model", str(run_folder / "model"), "--data", str(drawn)]
    assert main(["export", *asked, "--output", str(run_folder / "none")]) == 2
    assert "no SavedModel" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("precision", "found", "times_as_fast"),
    [
        ("float16", Parity(100, 1.0, 2e-3), 2.0),
        ("float16", Parity(100, 0.99, 1e-4), 2.0),
        ("int8", Parity(1000, INT8_AGREEMENT - 1e-3, 0.1), 2.0),
        ("int8", Parity(1000, float("nan"), 0.1), 2.0),
        ("int8", Parity(1000, 1.0, 0.01), 0.98),
    ],
)
def test_a_file_that_is_off_or_gains_nothing_is_refused(
    precision: str, found: Parity, times_as_fast: float, tmp_path: Path
) -> None:
    with pytest.raises(ParityError):
        demand(precision, found, times_as_fast, tmp_path)


def test_an_int8_file_that_agrees_and_is_faster_passes(tmp_path: Path) -> None:
    demand("int8", Parity(1000, INT8_AGREEMENT, 0.05), 1.3, tmp_path)
