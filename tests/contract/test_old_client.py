"""API version 1 stays readable by its old clients: what release 1.3.0 sent is taken, and what it read is there."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from settings import Settings

from api.app import Application
from tests.contract import client_1_3
from tests.contract.gateway import event, read
from tests.model_folders import copy_of


@pytest.fixture(scope="module")
def known(lenient_model: Path) -> Application:
    """Give an API whose model knows the samples."""
    return Application(Settings(model_dir=lenient_model))


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory) -> Application:
    """Give an API whose model knows nothing."""
    folder = copy_of(tmp_path_factory.mktemp("strange") / "model", out_of_distribution={"threshold": -1000.0})
    return Application(Settings(model_dir=folder))


def _get(application: Application, path: str, query: str = "") -> dict[str, Any]:
    answered = read(application(event("GET", path, query=query), None))
    assert answered.status == 200
    return answered.body


def _predict(application: Application, sample: bytes, query: str = "explain=true") -> dict[str, Any]:
    answered = read(application(event(body=sample, content_type="image/png", query=query), None))
    assert answered.status == 200
    return answered.body


def test_an_answer_reads_as_before(known: Application, sample: bytes) -> None:
    told = client_1_3.Prediction.model_validate(_predict(known, sample))
    assert told.prediction.probability == max(told.probabilities.values())
    assert told.explanation is not None
    assert told.malignant_probability == pytest.approx(1.0 - told.probabilities["Benign"], abs=1e-5)


def test_a_stranger_is_refused_by_an_old_client_and_never_read_as_a_number(strange: Application, sample: bytes) -> None:
    body = _predict(strange, sample)
    with pytest.raises(ValidationError) as caught:
        client_1_3.Prediction.model_validate(body)
    missing = {".".join(map(str, error["loc"])) for error in caught.value.errors()}
    assert missing == {"prediction.label", "prediction.probability", "probabilities", "malignant_probability"}


def test_card_and_health_read_as_before(known: Application) -> None:
    card = client_1_3.ModelSummary.model_validate(_get(known, "/v1/model"))
    assert card.labels == ["Benign", "Early", "Pre", "Pro"]
    assert card.malignant_labels == ["Early", "Pre", "Pro"]
    assert client_1_3.Health.model_validate(_get(known, "/v1/health", "deep=true")).deep is not None


def test_a_card_with_a_minimum_a_label_reads_as_before(tmp_path: Path) -> None:
    minimums = {"Benign": 0.1, "Early": 0.2, "Pre": 0.3, "Pro": 0.4}
    folder = copy_of(tmp_path / "model", prediction_set={"minimum_probability": minimums})
    body = _get(Application(Settings(model_dir=folder)), "/v1/model")
    assert client_1_3.ModelSummary.model_validate(body).prediction_set.minimum_probability == 0.1
    assert body["prediction_set"]["minimum_probabilities"] == minimums


def test_a_report_without_triage_counts_by_the_labels_sides(known: Application, sample: bytes) -> None:
    model = _predict(known, sample)["model"]["sha256"]
    fields = [{"image_sha256": f"{n:064x}", "label": "Pre", "verdict": "accepted"} for n in range(30)]
    fields += [{"image_sha256": f"{n:064x}", "label": "Benign", "verdict": "accepted"} for n in range(30, 40)]
    fields += [{"image_sha256": f"{40:064x}", "label": "Pro", "verdict": "uncertain"}]
    fields += [{"image_sha256": f"{41:064x}", "label": "Pro", "verdict": "out_of_distribution"}]
    sent = json.dumps({"model_sha256": model, "fields": fields}).encode()
    answered = read(known(event("POST", "/v1/reports", body=sent, content_type="application/json"), None))
    report = client_1_3.Report.model_validate(answered.body)
    assert (report.accepted, report.uncertain, report.out_of_distribution) == (40, 1, 1)
    assert report.malignant is not None
    assert report.malignant.count == 30
    assert report.labels["Pro"].count == 0


def test_a_batch_summary_reads_as_before(tmp_path: Path) -> None:
    from summary import handler

    call = {"images": 2, "problems": 0, "results_key": "k", "labels": {"Pre": 2}, "verdicts": {"accepted": 2}}
    told = handler({"results_bucket": tmp_path.as_uri(), "folder": "f", "calls": [call]}, None)
    assert client_1_3.BatchSummary.model_validate(told).labels == {"Pre": 2}
