"""What refuses a run before it begins, and the networks that are not written."""

import math
import os
import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from mlflow import MlflowClient

from training import experiment
from training.atomic_write import PARTIAL
from training.cli import main
from training.data.dataset import Fields
from training.data.synthetic import write_dataset
from training.models.backbones import BACKBONES
from training.models.learnt import DivergedError, demand_learnt
from training.models.recipes import HEAD_LEARNING_RATES
from training.serving.versions import VersionError, next_version


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEUKOLENS_TRACKING", "off")


@pytest.fixture(scope="module")
def fields(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw as many fields as a holdout needs."""
    folder = tmp_path_factory.mktemp("fields")
    write_dataset(folder, per_class=40, seed=5, size=96)
    return folder


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Expect exit code 2 and one line, before a single field is read; gives the line."""
    assert main(["train", *arguments]) == 2
    said = capsys.readouterr().err
    assert "Reading images" not in said
    return said.splitlines()[-1]


def test_a_network_too_large_for_the_shipped_folder_is_refused_before_it_is_trained(
    drawn_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(capsys, "--data", str(drawn_set), "--backbone", "vgg16", "--frozen")
    assert said.startswith("train: --backbone vgg16: its file has some 60 MB")
    assert "--output" in said
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--external", "nowhere"], "--external nowhere: there is no such folder"),
        (["--external", "."], "--external .: it holds no image"),
        (["--frozen", "--outliers", "nowhere"], "--outliers nowhere: there is no such folder"),
        (["--outliers", "."], "--outliers: only a linear head learns from them"),
        (["--data", "file"], "file is a file: unpack it"),
        (["--output", "file/model"], "file is a file; name a folder"),
        (["--version", "second"], "--version second: write it as three numbers"),
    ],
)
def test_what_could_refuse_afterwards_refuses_before(
    drawn_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    (tmp_path / "file").touch()
    assert expected in refused(capsys, "--data", str(drawn_set), *arguments)


def test_a_dry_run_refuses_what_a_run_would_and_trains_nothing(
    fields: Path, tiny_backbone: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--data", str(fields), "--backbone", tiny_backbone, "--frozen", "--epochs", "2", "--dry-run"]
    arguments += ["--external", str(fields)]  # whose images lie a folder deeper
    assert main(["train", *arguments, "--output", "runs/mine"]) == 0
    told = capsys.readouterr()
    rows = dict(line.split("  ", 1) for line in told.out.splitlines())
    assert rows["fields"].strip() == "Benign 40, Early 40, Pre 40, Pro 40"
    assert rows["version"].strip() == "1.0.0"
    assert told.err.splitlines()[-1] == "dry run: nothing was trained, written or sent"
    assert not (tmp_path / "runs" / "mine").exists()
    assert main(["train", *arguments, "--output", "runs/mine", "--external", "nowhere"]) == 2


def test_what_to_learn_from_must_be_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert "say what to learn from: --data FOLDER, --from-run ID, or --smoke" in refused(capsys)


def test_a_network_that_sees_nothing_replaces_no_model(
    fields: Path,
    tiny_backbone: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import keras

    def build(height: int, width: int) -> keras.Model:
        image = keras.Input((height, width, 3), name="scaled_image")
        maps = keras.layers.Conv2D(12, 8, strides=16, kernel_initializer="zeros")(image)
        return keras.Model(image, maps, name=tiny_backbone)

    monkeypatch.setitem(BACKBONES, tiny_backbone, replace(BACKBONES[tiny_backbone], build=build))
    model = tmp_path / "model"
    model.mkdir()
    (model / "model.json").write_text("{}")
    arguments = ["--data", str(fields), "--backbone", tiny_backbone, "--frozen", "--epochs", "2"]
    assert main(["train", *arguments, "--output", str(model)]) == 2
    assert "it has learnt nothing, and nothing is written" in capsys.readouterr().err.splitlines()[-1]
    assert [path.name for path in model.iterdir()] == ["model.json"]
    assert (model / "model.json").read_text() == "{}"


@pytest.mark.parametrize(
    ("command", "recipe", "advice"),
    [
        ("train", ["--learning-rate", "1", "--optimizer", "sgd"], "lower --learning-rate"),
        ("train", ["--frozen", "--optimizer", "sgd"], "take another --optimizer"),
    ],
)
def test_weights_that_are_no_numbers_are_one_line_that_says_what_to_do(
    command: str,
    recipe: list[str],
    advice: str,
    fields: Path,
    tiny_backbone: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from training.models import fine_tuning

    # One step: its loss is a number, and what it leaves is none.
    monkeypatch.setitem(HEAD_LEARNING_RATES, "sgd", math.inf)
    steep = {"sgd": lambda rate, recipe: keras.optimizers.SGD(math.inf)}
    monkeypatch.setattr(fine_tuning, "OPTIMIZERS", steep)
    one_step = ["--epochs", "1", "--batch-size", "1024", "--output", "mine"]
    assert main([command, "--data", str(fields), "--backbone", tiny_backbone, *recipe, *one_step]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"{command}: ")
    assert "no numbers any more; nothing is written" in said
    assert advice in said
    assert not list(tmp_path.glob("mine/**/model.*"))


def test_a_disk_that_fills_up_during_a_training_is_one_line(
    fields: Path, tiny_backbone: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--data", str(fields), "--backbone", tiny_backbone, "--frozen", "--epochs", "8", "--output", "mine"]
    assert main(["train", *arguments, "--dry-run"]) == 0
    (known,) = (tmp_path / "runs" / "manifests").glob("*.jsonl")
    known.unlink()
    # What is written there meets a full disk: the kernel's own answer.
    known.with_name(f"{PARTIAL}{os.getpid()}-{known.name}.part").symlink_to("/dev/full")
    assert main(["train", *arguments]) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == "train: the disk is full: make room, then give the same command again"
    assert not (tmp_path / "mine").exists()
    assert not known.exists()


def test_a_run_that_fails_has_its_curves_and_its_reason(
    fields: Path, tiny_backbone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.models import learners

    def refuse(*_: object) -> None:
        raise DivergedError("it has learnt nothing")

    monkeypatch.setattr(learners, "demand_learnt", refuse)
    monkeypatch.delenv("LEUKOLENS_TRACKING")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    arguments = ["--data", str(fields), "--backbone", tiny_backbone, "--epochs", "2", "--output", "mine"]
    assert main(["train", *arguments]) == 2
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    experiment_id = client.search_experiments(filter_string="name = 'leukolens'")[0].experiment_id
    (run,) = client.search_runs([experiment_id])
    assert run.info.status == "FAILED"
    assert run.data.tags["leukolens.failure"] == "DivergedError: it has learnt nothing"
    for name in ("loss", "val_loss", "val_balanced_accuracy"):
        assert [one.step for one in client.get_metric_history(run.info.run_id, name)] == [1, 2], name


def test_a_folder_that_changes_while_it_is_read_is_refused(
    drawn_set: Path,
    tiny_backbone: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(drawn_set, tmp_path / "copied")
    gone = sorted((tmp_path / "copied" / "Pre").glob("*.png"))[2]
    load_fields = experiment.load_fields

    def load_then_lose(folder: Path) -> Fields:
        fields = load_fields(folder)
        gone.unlink()
        return fields

    monkeypatch.setattr(experiment, "load_fields", load_then_lose)
    assert main(["train", "--data", "copied", "--backbone", tiny_backbone, "--frozen", "--output", "mine"]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"train: copied changed while it was read (Pre/{gone.name}")
    assert not (tmp_path / "mine").exists()


def test_a_class_of_two_images_is_refused(
    fields: Path, tiny_backbone: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(fields, tmp_path / "copied")
    for path in sorted((tmp_path / "copied" / "Pre").glob("*.png"))[2:]:
        path.unlink()
    assert main(["train", "--data", "copied", "--backbone", tiny_backbone, "--frozen", "--output", "mine"]) == 2
    assert "train: too few fields of Pre (2): 10 of a class are needed" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "mine").exists()


CLASSES = ("Benign", "Early", "Pre", "Pro")
LABELS = np.repeat(np.arange(4), 25)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (np.full((100, 4), np.nan), "no numbers"),
        (np.eye(4)[np.zeros(100, int)], "calls every one of 100 held-out fields Benign"),
        (np.eye(4)[np.random.default_rng(0).integers(0, 4, 100)], "where guessing gets 0.250"),
    ],
)
def test_answers_that_tell_nothing_are_refused(answers: np.ndarray, said: str) -> None:
    with pytest.raises(DivergedError, match=said):
        demand_learnt(LABELS, answers, CLASSES)


def test_a_handful_of_fields_proves_nothing() -> None:
    demand_learnt(LABELS[::10], np.eye(4)[np.zeros(10, int)], CLASSES)


def test_answers_that_tell_something_pass() -> None:
    answers = np.eye(4)[np.where(np.arange(100) % 2, LABELS, 0)]
    demand_learnt(LABELS, answers, CLASSES)


def test_a_version_comes_after_the_newest_that_is_known(tmp_path: Path) -> None:
    assert next_version(tmp_path) == next_version(tmp_path, ["0.0.0"]) == "1.0.0"
    assert next_version(tmp_path, ["1.9.0", "0.0.0", "draft", "1.10.2"]) == "1.11.0"
    assert next_version(tmp_path, ["1.9.0"], "2.0.0") == "2.0.0"
    with pytest.raises(VersionError, match=r"--version 1\.9\.0: a model has it already"):
        next_version(tmp_path, ["1.9.0"], "1.9.0")
