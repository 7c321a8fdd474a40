import json

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
