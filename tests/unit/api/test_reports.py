import json
from typing import Any

import pytest

from api.app import Application
from api.schemas import Report
from tests.contract.gateway import Answered, event, read


@pytest.fixture
def model_sha256(application: Application) -> str:
    """Give the hash of the running model."""
    return str(read(application(event("GET", "/v1/health"), None)).body["model"]["sha256"])


def _field(number: int, label: str | None = "Pre", verdict: str = "accepted", **more: Any) -> dict[str, Any]:
    return {"image_sha256": f"{number:064x}", "label": label, "verdict": verdict, **more}


def _triage(result: str | None, verdict: str = "accepted") -> dict[str, Any]:
    return {"triage": {"result": result, "verdict": verdict}}


def _send(application: Application, model_sha256: str, fields: list[dict[str, Any]]) -> Answered:
    body = json.dumps({"model_sha256": model_sha256, "fields": fields}).encode()
    return read(application(event("POST", "/v1/reports", body=body, content_type="application/json"), None))


def test_a_specimen_is_counted_with_intervals_and_abstentions(application: Application, model_sha256: str) -> None:
    fields = [_field(n) for n in range(30)] + [_field(n, "Benign") for n in range(30, 40)]
    fields += [_field(40, "Pro", "uncertain"), _field(41, "Pro", "out_of_distribution"), _field(0)]
    report = Report.model_validate(_send(application, model_sha256, fields).body)
    assert (report.fields, report.duplicates) == (42, 1)
    assert (report.accepted, report.uncertain, report.out_of_distribution) == (40, 1, 1)
    assert report.evidence == "sufficient"
    assert report.labels["Pre"].count == 30
    assert report.labels["Pre"].share == 0.75
    assert report.labels["Pro"].count == 0
    # R: binom::binom.wilson(30, 40)
    assert report.labels["Pre"].low == pytest.approx(0.5981, abs=1e-4)
    assert report.labels["Pre"].high == pytest.approx(0.8581, abs=1e-4)
    assert report.malignant is not None
    assert report.malignant.count == 30
    assert "not a diagnosis" in report.warning


def test_a_report_rests_on_triage_and_says_what_it_can_prove(application: Application, model_sha256: str) -> None:
    fields = [_field(n, "Early", "uncertain", **_triage("malignant")) for n in range(30)]
    fields += [_field(n, "Benign", **_triage("benign")) for n in range(30, 40)]
    fields += [_field(40, "Early", "uncertain", **_triage("malignant", "uncertain"))]
    fields += [_field(41, None, "out_of_distribution", **_triage(None, "out_of_distribution"))]
    report = Report.model_validate(_send(application, model_sha256, fields).body)
    assert (report.accepted, report.uncertain, report.out_of_distribution) == (40, 1, 1)
    assert report.malignant is not None
    assert (report.malignant.count, report.malignant.share) == (30, 0.75)
    assert (report.patterns_accepted, report.labels["Benign"].count) == (10, 10)
    assert "no independent samples" in report.limits


@pytest.mark.parametrize(
    "field",
    [
        _field(1, None),
        _field(1, None, "uncertain", **_triage("malignant")),
        _field(1, "Pre", **_triage(None)),
        _field(1, "Pre", **_triage("suspicious")),
        _field(1, "Pre", triage={"result": "benign"}),
    ],
)
def test_a_field_without_what_its_verdict_needs_is_refused(
    application: Application, model_sha256: str, field: dict[str, Any]
) -> None:
    answered = _send(application, model_sha256, [field])
    assert (answered.status, answered.problem) == (400, "invalid-request")


def test_few_fields_are_insufficient_evidence(application: Application, model_sha256: str) -> None:
    report = Report.model_validate(_send(application, model_sha256, [_field(n) for n in range(20)]).body)
    assert report.evidence == "insufficient"
    assert report.minimum_accepted_fields == 21
    assert "at least 21 are needed" in report.reason


def test_a_specimen_of_abstentions_alone_has_no_shares(application: Application, model_sha256: str) -> None:
    fields = [_field(n, verdict="out_of_distribution") for n in range(50)]
    report = Report.model_validate(_send(application, model_sha256, fields).body)
    assert report.evidence == "insufficient"
    assert report.labels == {}
    assert report.malignant is None


@pytest.mark.parametrize(
    "fields",
    [[], [_field(1, "Leukaemia")], [_field(1, verdict="sure")], [{"label": "Pre"}], [_field(1)] * 2001],
)
def test_bad_fields_are_an_invalid_request(
    application: Application, model_sha256: str, fields: list[dict[str, Any]]
) -> None:
    answered = _send(application, model_sha256, fields)
    assert (answered.status, answered.problem) == (400, "invalid-request")


def test_predictions_of_another_model_are_refused(application: Application) -> None:
    answered = _send(application, "0" * 64, [_field(1)])
    assert (answered.status, answered.problem) == (400, "invalid-request")
    assert "another model" in answered.body["detail"]
