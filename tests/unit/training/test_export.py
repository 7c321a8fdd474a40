"""One run on drawn smears, and what is made of it: files of other precisions, folds to be evaluated."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from inference import load
from training.cli import main
from training.evaluation.folds import read_candidates
from training.export import INT8_AGREEMENT, convert, demand
from training.fields import load_fields
from training.inventory import manifest_of
from training.parity import Parity, ParityError
from training.synthetic import write_dataset

from .model_folder import expect_to_serve

PER_CLASS = 12
SHIPPED = Path(__file__).resolve().parents[3] / "models" / "default"
SHIPPED_FILES = ("model.json", "model.tflite")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fields")
    write_dataset(folder, per_class=PER_CLASS, seed=5)
    return folder


@pytest.fixture(scope="module")
def run_folder(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    places = ["--output", str(folder / "model"), "--work", str(folder / "work")]
    with pytest.MonkeyPatch.context() as patched:
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


@pytest.mark.slow
def test_mlflow_has_all_that_was_made_of_the_run(drawn: Path, run_folder: Path) -> None:
    client, card = MlflowClient(store_of(run_folder)), load(run_folder / "model").card
    (version,) = client.search_model_versions("name='leukolens'")
    assert version.tags == {"version": card.version, "sha256": card.sha256}
    run = client.get_run(version.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["backbone"] == "efficientnet-lite0"
    assert run.data.tags["data_manifest"] == manifest_of(drawn).digest
    assert len(run.data.tags["mlflow.source.git.commit"]) == 40
    assert {"balanced_accuracy", "system/cpu_utilization_percentage"} <= set(run.data.metrics)
    drawings = ("confusion", "roc", "reliability", "risk-coverage", "predictions")
    assert files_in(client, version.run_id, "figures") == {f"figures/{name}.png" for name in drawings}
    assert files_in(client, version.run_id, "files/model") == {f"files/model/{name}" for name in SHIPPED_FILES}
    assert "model/data/model.keras" in files_in(client, version.run_id, "model/data")


def files_in(client: MlflowClient, run_id: str, folder: str) -> set[str]:
    return {file.path for file in client.list_artifacts(run_id, folder)}


@pytest.mark.slow
def test_the_graph_that_training_leaves_makes_the_same_file_again(
    drawn: Path, run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = next((run_folder / "work").glob("*/saved_model"))
    output = run_folder / "again"
    asked = ["--saved-model", str(graph), "--model", str(run_folder / "model"), "--data", str(drawn)]
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
    assert main(["export", *asked, "--output", str(run_folder / "mixed")]) == 2
    assert "are of different runs" in capsys.readouterr().err
    assert not (run_folder / "mixed").exists()


@pytest.mark.slow
def test_a_fold_is_trained_once_and_can_be_evaluated(drawn: Path, tmp_path: Path) -> None:
    command = ["crossvalidate", "--data", str(drawn), "--frozen", "--protocol", "contiguous", "--work", str(tmp_path)]
    assert main([*command, "--fold", "contiguous-2"]) == 0
    folder = tmp_path / "efficientnet-lite0" / "contiguous-2"
    assert load(folder).card.training["recipe"]["frozen"] is True
    made = (folder / "model.tflite").stat().st_mtime_ns
    assert main([*command, "--fold", "contiguous-2"]) == 0
    assert (folder / "model.tflite").stat().st_mtime_ns == made
    folds = read_candidates(tmp_path, manifest_of(drawn))["efficientnet-lite0"]["contiguous"]
    assert [fold.record.name for fold in folds] == ["contiguous-2"]


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
