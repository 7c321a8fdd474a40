"""Sweeps and cross-validations of a frozen backbone, on drawn smears."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from inference import load
from training import sweep_report
from training.cli import main
from training.data.dataset import load_fields
from training.data.protocols import parts_of
from training.data.splits import contiguous_folds
from training.data.synthetic import write_dataset
from training.data.validation import manifest_of
from training.evaluation.folds import method_digest, write_record
from training.evaluation.metrics import confusion
from training.models.feature_cache import FrozenBackbone
from training.models.recipes import HEAD_LEARNING_RATES, FineTuning, MlpHead
from training.sweep_report import SweepReport
from training.sweep_trials import Trial, TrialResult

from .run_in_mlflow import expect_a_model, runs_by_name


@pytest.fixture(scope="module")
def smears(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw 15 fields a label, with their manifest; read only."""
    folder = tmp_path_factory.mktemp("smears")
    write_dataset(folder, per_class=15, seed=5, size=96, fields_per_slide=3)
    (folder / "manifest.jsonl").write_bytes(manifest_of(folder, folder / "cache", progress=False).content)
    return folder


@pytest.fixture(autouse=True)
def _alone(tiny_backbone: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give the address of a local store; making its tables takes seconds."""
    return f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db"


@pytest.fixture
def client(store: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> MlflowClient:
    """Track what follows in the store, in an experiment of its own."""
    monkeypatch.delenv("LEUKOLENS_TRACKING")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", request.node.name)
    return MlflowClient(store)


def sweep(smears: Path, *options: str) -> int:
    return main(["sweep", "--frozen", "--data", str(smears), "--backbone", "tiny", "--epochs", "3", *options])


def report_of(folder: Path) -> SweepReport:
    return SweepReport.model_validate_json((folder / "runs" / "sweep" / "sweep.json").read_bytes())


def test_the_grid_is_every_optimizer_with_every_batch_size(
    smears: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep(smears) == 0
    report = report_of(tmp_path)
    tried = [(result.trial.optimizer, result.trial.batch_size) for result in report.results]
    assert tried == [(optimizer, size) for optimizer in ("adam", "sgd", "rmsprop") for size in (16, 32, 64)]
    assert all(0 <= (result.mean or -1) <= 1 for result in report.results)
    assert report.features_s["tiny"] is not None
    assert len(list((tmp_path / "runs" / "features").glob("*.npz"))) == 1
    table = (tmp_path / "runs" / "sweep" / "sweep.md").read_text()
    assert table.count("| holdout | tiny |") == 9
    heading, *printed = capsys.readouterr().out.splitlines()
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in table.splitlines()]
    assert heading.split("  ")[0] == "protocol"
    assert [line.split() for line in printed] == rows[2:], "the same rows, one line each"
    assert (tmp_path / "runs" / "sweep" / "sweep.png").read_bytes()[:4] == b"\x89PNG"


def test_a_trial_that_fails_is_listed_and_the_next_sweep_tries_it_alone(
    smears: Path,
    client: MlflowClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    options = ("--optimizer", "sgd", "--optimizer", "adam", "--batch-size", "16")
    with monkeypatch.context() as patched:
        patched.setitem(HEAD_LEARNING_RATES, "sgd", 1e30)
        assert sweep(smears, *options) == 1
    failed, finished = report_of(tmp_path).results
    found = runs_by_name(client, request.node.name)
    parent, trial = found["sweep sweep"], found["tiny adam 16 holdout"]
    assert parent.data.tags["best_trial.holdout"] == trial.info.run_name
    assert parent.data.metrics["best_balanced_accuracy/holdout"] == finished.choice
    assert found["tiny sgd 16 holdout"].info.status == "FAILED"
    expect_a_trial(client, trial, parent.info.run_id, smears, tmp_path)
    monkeypatch.setenv("LEUKOLENS_TRACKING", "off")
    assert (failed.status, finished.status) == ("failed", "finished")
    assert "DivergedError" in (failed.error or "")
    assert "failed: DivergedError" in capsys.readouterr().out
    assert sweep(smears, *options) == 0
    retried, kept = report_of(tmp_path).results
    assert retried.status == "finished"
    assert kept == finished  # its very seconds: it did not run again


def expect_a_trial(client: MlflowClient, run: Run, parent: str, smears: Path, place: Path) -> None:
    """Expect of a trial all that ``train`` logs, and that its registered file is the head that was tried."""
    assert run.data.tags["mlflow.parentRunId"] == parent
    assert run.data.params["optimizer"] == "adam"
    assert run.data.params["learning_rate"] == "0.001"
    assert [one.step for one in client.get_metric_history(run.info.run_id, "loss")] == [1, 2, 3]
    assert run.data.metrics["parity_agreement"] == 1.0
    assert run.data.metrics["held_out/balanced_accuracy"] == pytest.approx(run.data.metrics["balanced_accuracy_mean"])
    file, tags = expect_a_model(client, run, manifest_of(smears).digest, place)
    assert tags == {"version": "0.0.0", "sha256": file.card.sha256, "sweep": "sweep", "trial": run.info.run_name}
    fields = load_fields(smears)
    (held,) = parts_of("holdout", smears, manifest_of(smears), fields)
    answers = np.stack([file.run(image).probabilities for image in fields.take(held.test).images])
    assert (
        file.card.training["held_out"]["confusion"]
        == confusion(fields.labels[held.test], answers.argmax(1), 4).tolist()
    )


def test_a_dry_run_names_the_trials_that_are_missing(
    smears: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep(smears, "--optimizer", "adam", "--batch-size", "16", "--batch-size", "32", "--dry-run") == 0
    assert "tiny adam 16 holdout, tiny adam 32 holdout" in capsys.readouterr().out
    assert not (tmp_path / "runs" / "sweep").exists()


def test_folds_are_scored_each_and_together(smears: Path, tmp_path: Path) -> None:
    options = ("--optimizer", "adam", "--batch-size", "16", "--protocol", "contiguous", "--protocol", "random")
    assert sweep(smears, *options) == 0
    for result, protocol in zip(report_of(tmp_path).results, ("contiguous", "random"), strict=True):
        assert [fold.name for fold in result.folds] == [f"{protocol}-{number}" for number in range(1, 6)]
        assert sum(fold.images for fold in result.folds) == 60
        assert result.mean == pytest.approx(np.mean([fold.balanced_accuracy for fold in result.folds]))
        assert result.worst == min(fold.balanced_accuracy for fold in result.folds)


def test_other_fields_begin_a_new_report(smears: Path, tmp_path: Path) -> None:
    assert sweep(smears, "--optimizer", "adam", "--batch-size", "16") == 0
    path = tmp_path / "runs" / "sweep" / "sweep.json"
    path.write_text(path.read_text().replace(report_of(tmp_path).manifest, "0" * 64))
    assert sweep(smears, "--optimizer", "sgd", "--batch-size", "16") == 0
    report = report_of(tmp_path)
    assert [result.trial.optimizer for result in report.results] == ["sgd"]
    assert report.manifest == manifest_of(smears).digest


def test_a_batch_size_of_nothing_is_refused(smears: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sweep(smears, "--batch-size", "0") == 2
    assert capsys.readouterr().err == "sweep: --batch-size 0: not allowed; allowed: 1 to 1024\n"


def leave_folds(smears: Path, tmp_path: Path, numbers: range, *options: object) -> list[Path]:
    """Leave folds as an interrupted run would have left them, and give the folders of all five."""
    manifest = manifest_of(smears)
    folders = [tmp_path / "runs" / "folds" / "tiny" / f"contiguous-{number}" for number in range(1, 6)]
    for number in numbers:
        folders[number - 1].mkdir(parents=True)
        fold = contiguous_folds(manifest.records)[number - 1]
        write_record(folders[number - 1], "contiguous", fold, manifest, method_digest("tiny", *options, [], []))
    return folders


def test_every_fold_gets_a_file_that_serves(
    smears: Path, client: MlflowClient, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    leave_folds(smears, tmp_path, range(1, 2), "made by something else")
    folders = leave_folds(smears, tmp_path, range(2, 6), MlpHead(epochs=3), True)
    command = [
        "crossvalidate",
        "--frozen",
        "--data",
        str(smears),
        "--backbone",
        "tiny",
        "--epochs",
        "3",
        "--show-corner",
    ]
    assert main([*command, "--protocol", "contiguous", "--again"]) == 0
    assert [path.name for path in folders[1].iterdir()] == ["fold.json"]
    fold = contiguous_folds(manifest_of(smears).records)[0]
    record = json.loads((folders[0] / "fold.json").read_text())
    assert record["protocol"] == "contiguous"
    assert (record["train"], record["test"], record["gap"]) == tuple(map(list, (fold.train, fold.test, fold.gap)))
    file, image = load(folders[0]), load_fields(smears).images[0]
    assert file.card.training["recipe"]["optimizer"] == MlpHead().optimizer
    seen = FrozenBackbone("tiny", hide_corner=False).embed(image[None])[0]
    np.testing.assert_allclose(file.run(image).embedding, seen, atol=1e-5)
    found = runs_by_name(client, request.node.name)
    parent, run = found["crossvalidate tiny"], found["contiguous-1"]
    assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert (run.data.params["protocol"], run.data.params["corner"]) == ("contiguous", "visible")
    assert run.data.metrics["contiguous/balanced_accuracy/low"] <= run.data.metrics["contiguous/balanced_accuracy"]
    assert parent.data.metrics["contiguous/balanced_accuracy"] == run.data.metrics["contiguous/balanced_accuracy"]
    logged, tags = expect_a_model(client, run, manifest_of(smears).digest, tmp_path)
    assert logged.card == file.card
    assert tags["fold"] == "contiguous-1"


def test_a_corner_that_cannot_be_shown_is_refused_though_every_fold_is_there(
    smears: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    leave_folds(smears, tmp_path, range(1, 6), FineTuning(), False)
    command = ["crossvalidate", "--data", str(smears), "--backbone", "tiny", "--protocol", "contiguous"]
    assert main(command) == 0
    assert main([*command, "--show-corner"]) == 2
    assert "--show-corner goes with --frozen" in capsys.readouterr().err


def test_folds_that_another_recipe_or_other_code_made_are_no_part_of_the_result(
    smears: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_folds(smears, tmp_path, range(1, 6), FineTuning(), False)
    command = ["crossvalidate", "--data", str(smears), "--backbone", "tiny", "--protocol", "contiguous"]
    assert main([*command, "--seed", "7"]) == 2
    expected = "5 of the folds in runs/folds/tiny were made of other fields, by other options or by other code: --again"
    assert expected in capsys.readouterr().err
    monkeypatch.setattr("training.crossvalidate.method_digest", lambda *_: "of other code")
    assert main(command) == 2
    assert expected in capsys.readouterr().err


def test_a_reason_that_quotes_what_it_was_given_stays_in_its_cell() -> None:
    failed = TrialResult(
        trial=Trial(backbone="tiny", seed=0, protocol="holdout"), status="failed", error="no image: a|b <i>"
    )
    report = SweepReport(manifest="", created=datetime.now(UTC), corner="hidden", features_s={}, results=[failed])
    assert r"| failed\: no image\: a\|b \<i\> |" in sweep_report.table(report)
