import json

import pytest
from settings import Settings

from api import model
from api.app import Application
from api.schemas import Health, ModelSummary
from tests.contract.gateway import event, read


def test_the_model_route_gives_the_whole_card(application: Application) -> None:
    answered = read(application(event("GET", "/v1/model"), None))
    assert answered.status == 200
    card = application.service.classifier().card
    told = json.loads(card.model_dump_json())
    # Beyond the card itself, what version 1 of the API had, and the digest.
    extra = {"labels", "malignant_labels", "digest", "model_name"}
    assert answered.body.keys() - extra == told.keys()
    assert all(answered.body[name] == told[name] for name in told.keys() - {"prediction_set", "triage"})
    summary = ModelSummary.model_validate(answered.body)
    assert summary.digest == application.service.classifier().digest
    assert tuple(summary.labels) == card.labels
    assert [one.name for one in summary.classes] == ["benign", "early pre-B", "pre-B", "pro-B"]
    assert summary.triage is not None


def test_health_names_the_model(application: Application) -> None:
    answered = read(application(event("GET", "/v1/health"), None))
    health = Health.model_validate(answered.body)
    assert answered.status == 200
    assert health.status == "ok"
    assert len(health.model.sha256) == 64
    assert health.deep is None


def test_deep_health_runs_the_model(application: Application) -> None:
    deep = Health.model_validate(read(application(event("GET", "/v1/health", query="deep=true"), None)).body).deep
    assert deep is not None
    assert deep.label in {"Benign", "Early", "Pre", "Pro"}
    assert deep.duration_ms > 0


def test_whoever_asks_for_deep_checks_runs_the_model_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    application = Application(Settings())
    classifier = application.service.classifier()
    runs: list[object] = []
    run = type(classifier).run

    def counted(self: object, *given: object, **named: object) -> object:
        runs.append(given)
        return run(self, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(type(classifier), "run", counted)
    answers = [read(application(event("GET", "/v1/health", query="deep=true"), None)) for _ in range(5)]
    assert {answer.status for answer in answers} == {200}
    assert len(runs) == 1
    monkeypatch.setattr(model, "DEEP_CHECK_S", 0.0)
    assert read(application(event("GET", "/v1/health", query="deep=true"), None)).status == 200
    assert len(runs) == 2


def test_the_document_names_the_models_labels_and_the_limit_of_an_upload(application: Application) -> None:
    schemas = read(application(event("GET", "/openapi.json"), None)).body["components"]["schemas"]
    labels = application.service.classifier().card.labels
    assert schemas["FeedbackRequest"]["properties"]["label"]["enum"] == [*labels, "Other"]
    assert schemas["UploadRequest"]["properties"]["size_bytes"]["maximum"] == Settings().max_upload_bytes


def test_the_limit_of_an_upload_is_that_of_this_deployment() -> None:
    schemas = read(Application(Settings(max_upload_bytes=1_000_000))(event("GET", "/openapi.json"), None)).body
    assert schemas["components"]["schemas"]["UploadRequest"]["properties"]["size_bytes"]["maximum"] == 1_000_000
