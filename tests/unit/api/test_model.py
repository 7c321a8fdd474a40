from api.app import Application
from api.schemas import Health, ModelSummary
from inference import ModelCard
from tests.contract.gateway import event, read


def test_the_model_route_gives_the_whole_card(application: Application) -> None:
    answered = read(application(event("GET", "/v1/model"), None))
    assert answered.status == 200
    card = ModelCard.model_validate(answered.body)
    summary = ModelSummary.model_validate(answered.body)
    assert summary.sha256 == card.sha256
    assert tuple(summary.labels) == card.labels
    assert summary.out_of_distribution.threshold == card.out_of_distribution.threshold


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
