"""Against a real MLflow store in SQLite, with artifacts on this disk."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest

from inference import read_card
from training.cli import main
from training.evaluation.results import read_results
from training.promotion.registry import ALIAS, EVALUATED, NAME, Registry

from .conftest import SHIPPED, Staging, change_card, digest_of, evidence, write_model

Log = Callable[..., str]
Place = tuple[str, str]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(f"sqlite:///{tmp_path_factory.mktemp('store') / 'mlflow.db'}")


@pytest.fixture
def log(client: mlflow.MlflowClient, tmp_path: Path) -> Log:
    """Give a function that logs a model folder as a run, and gives its id."""
    experiment = client.create_experiment(tmp_path.name, artifact_location=(tmp_path / "artifacts").as_uri())

    def logging(folder: Path | None, status: str = "FINISHED") -> str:
        run = client.create_run(experiment)
        if folder is not None:
            client.log_artifacts(run.info.run_id, str(folder), "export/model")
        client.set_terminated(run.info.run_id, status)
        return str(run.info.run_id)

    return logging


@pytest.fixture
def at(client: mlflow.MlflowClient) -> Place:
    return "--tracking-uri", client.tracking_uri


def champion(client: mlflow.MlflowClient) -> str:
    return str(client.get_model_version_by_alias(NAME, ALIAS).run_id)


def test_a_run_becomes_the_champion_and_a_rollback_gives_the_title_back(
    staging: Staging, served: Path, better: Path, tmp_path: Path, client: mlflow.MlflowClient, log: Log, at: Place
):
    first, second = log(better), log(write_model(tmp_path / "best", "1.2.0", evidence(contiguous=0.97)))
    assert staging.promote(first, *at) == 0
    assert staging.serves == digest_of(better)
    assert champion(client) == first
    assert staging.promote(second, *at) == 0
    assert champion(client) == second
    versions = len(client.search_model_versions(f"name = '{NAME}'"))
    assert staging.promote(second, *at) == 0  # again: no second version of the same run
    assert len(client.search_model_versions(f"name = '{NAME}'")) == versions
    assert staging.rollback(*at) == 0
    assert champion(client) == first
    assert staging.rollback(*at) == 0
    assert ALIAS not in client.get_registered_model(NAME).aliases


def test_a_dry_run_and_a_refusal_move_no_alias(
    staging: Staging, served: Path, better: Path, tmp_path: Path, client: mlflow.MlflowClient, log: Log, at: Place
):
    before = len(client.search_registered_models())
    assert staging.promote(log(better), "--dry-run", *at) == 0
    assert staging.promote(log(write_model(tmp_path / "worse", "0.9", evidence(0.9, 0.9))), *at) == 2
    assert len(client.search_registered_models()) == before
    assert all(ALIAS not in model.aliases for model in client.search_registered_models())


@pytest.mark.parametrize(
    ("status", "with_model", "said"),
    [("RUNNING", True, "only a finished run"), ("FINISHED", False, "exported no model")],
)
def test_a_run_without_a_finished_model_is_named(
    staging: Staging,
    served: Path,
    better: Path,
    log: Log,
    at: Place,
    status: str,
    with_model: bool,
    said: str,
    capsys: pytest.CaptureFixture[str],
):
    assert staging.promote(log(better if with_model else None, status), *at) == 2
    assert said in capsys.readouterr().err


def test_an_unknown_run_is_named(staging: Staging, served: Path, at: Place, capsys: pytest.CaptureFixture[str]):
    assert staging.promote("0" * 32, *at) == 2
    assert "0" * 32 in capsys.readouterr().err


def test_a_rollback_does_not_wait_for_the_registry(
    staging: Staging,
    served: Path,
    better: Path,
    log: Log,
    at: Place,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    assert staging.promote(log(better), *at) == 0
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert staging.rollback("--tracking-uri", "http://127.0.0.1:9") == 0
    assert staging.serves == digest_of(served)
    assert "alias champion is not moved" in capsys.readouterr().err


def test_evidence_that_comes_later_reaches_the_run_and_lets_it_be_promoted(
    staging: Staging,
    served: Path,
    tmp_path: Path,
    client: mlflow.MlflowClient,
    log: Log,
    at: Place,
    capsys: pytest.CaptureFixture[str],
):
    bare = log(write_model(tmp_path / "bare", "1.3.0", {}))  # as every training logs it
    assert staging.promote(bare, *at) == 2
    assert "evidence" in capsys.readouterr().err
    registry = Registry(client.tracking_uri)
    fetched = registry.fetch(bare, tmp_path)
    change_card(fetched, lambda card: card.update(evaluation=evidence(contiguous=0.97).model_dump(mode="json")))
    registry.attach(bare, fetched)
    assert staging.promote(bare, *at) == 0
    assert staging.serves == digest_of(fetched)


def test_the_card_of_a_run_is_filled_from_results(
    tmp_path: Path, client: mlflow.MlflowClient, log: Log, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", client.tracking_uri)
    shutil.copytree(SHIPPED, tmp_path / "logged")
    change_card(tmp_path / "logged", lambda card: card.update(evaluation={}))
    run_id = log(tmp_path / "logged")
    results = tmp_path / "evaluation.json"
    known = json.loads((SHIPPED.parents[1] / "docs" / "evaluation.json").read_text())
    results.write_text(json.dumps(known | {"model_sha256": read_card(SHIPPED).sha256}))
    assert main(["card", "--run", run_id, "--output", str(tmp_path / "evaluation.md")]) == 0
    card = read_card(Registry(client.tracking_uri).fetch(run_id, tmp_path))
    assert card.evaluation == read_results(results).evidence.model_dump(mode="json")
    assert client.get_run(run_id).data.tags[EVALUATED] == "true"
