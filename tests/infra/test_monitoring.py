"""Alarms go off for what matters and reach somebody; the dashboard shows what the service publishes."""

import json
import re
from types import SimpleNamespace

import pytest

from api.observe import measure
from infra.environments import load_environment


@pytest.fixture(scope="module")
def alarms(prod):
    return {
        name.rstrip("0123456789ABCDEF"): alarm["Properties"]
        for name, alarm in prod["Monitoring"].resources("AWS::CloudWatch::Alarm").items()
    }


def test_there_is_an_alarm_for_each_thing_that_goes_wrong(alarms):
    assert {alarm["MetricName"] for alarm in alarms.values()} == {
        "5xx",
        "Latency",
        "Throttles",
        "ExecutionsFailed",
        "ExecutionsTimedOut",
        "ExecutionsAborted",
        "OutOfDistribution",
        # The canary's.
        "Errors",
        "Invocations",
    }


def test_errors_that_a_month_leaves_room_for_are_not_used_up_too_fast(alarms):
    objectives = load_environment("prod").monitoring.objectives
    limits = {name: (one["Threshold"], one["Period"], one["ComparisonOperator"]) for name, one in alarms.items()}
    left = (100 - objectives.available_percent) / 100
    above, below = "GreaterThanThreshold", "LessThanThreshold"
    assert limits["AvailabilityFast"] == (pytest.approx(14.4 * left), 3600, above)
    assert limits["AvailabilitySlow"] == (pytest.approx(6 * left), 21_600, above)
    assert limits["SpeedFast"] == (pytest.approx(100 - 14.4 * (100 - objectives.fast_percent)), 3600, below)
    assert limits["SpeedSlow"] == (pytest.approx(100 - 6 * (100 - objectives.fast_percent)), 21_600, below)
    assert alarms["SpeedFast"]["ExtendedStatistic"] == f"PR(:{objectives.fast_ms})"
    assert alarms["AvailabilityFast"]["Statistic"] == "Average"


def test_a_budget_covers_all_that_carries_the_environments_tag(synthesise):
    environment = load_environment("dev")
    monitoring = environment.monitoring.model_copy(update={"email": "on-call@example.org"})
    templates = synthesise(environment.model_copy(update={"monitoring": monitoring}))
    (budget,) = templates["Monitoring"].properties("AWS::Budgets::Budget")
    assert budget["Budget"]["CostFilters"] == {"TagKeyValue": ["user:environment$dev"]}
    assert budget["Budget"]["BudgetLimit"]["Amount"] == monitoring.monthly_budget_usd
    for capability in ("Storage", "Inference", "Batch"):
        for kind in ("AWS::S3::Bucket", "AWS::Lambda::Function"):
            for properties in templates[capability].properties(kind):
                assert {"Key": "environment", "Value": "dev"} in properties["Tags"]
                assert {"Key": "component", "Value": capability.lower()} in properties["Tags"]


def test_thresholds_are_the_environments(alarms):
    settings = load_environment("prod").monitoring
    by_metric = {
        alarm["MetricName"]: alarm for name, alarm in alarms.items() if not name.startswith(("Availability", "Speed"))
    }
    assert by_metric["5xx"]["Threshold"] == settings.server_errors
    assert by_metric["Latency"]["Threshold"] == settings.p99_latency_ms
    assert by_metric["Latency"]["ExtendedStatistic"] == "p99"
    assert by_metric["OutOfDistribution"]["Threshold"] == settings.out_of_distribution_percent


def test_every_alarm_and_its_end_go_to_the_topic_and_name_the_runbook(alarms):
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == alarm["OKActions"] != []
        assert "docs/runbook.md" in alarm["AlarmDescription"]


def test_silence_is_no_alarm_but_the_canarys(alarms):
    silent = {name: alarm["TreatMissingData"] for name, alarm in alarms.items()}
    assert silent.pop("CanarySilent") == "breaching"
    assert set(silent.values()) == {"notBreaching"}


def test_the_topic_is_encrypted_and_alarms_may_use_its_key(prod):
    (topic,) = prod["Monitoring"].properties("AWS::SNS::Topic")
    assert "KmsMasterKeyId" in topic
    (key,) = prod["Storage"].properties("AWS::KMS::Key")
    principals = [statement["Principal"] for statement in key["KeyPolicy"]["Statement"]]
    assert {"Service": "cloudwatch.amazonaws.com"} in principals


def test_an_email_address_subscribes(synthesise):
    environment = load_environment("dev")
    monitoring = environment.monitoring.model_copy(update={"email": "on-call@example.org"})
    template = synthesise(environment.model_copy(update={"monitoring": monitoring}))["Monitoring"]
    (subscription,) = template.properties("AWS::SNS::Subscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "on-call@example.org")


def _widgets(template):
    """Give the dashboard's widgets by title, with references written as ``?``."""
    (dashboard,) = template.properties("AWS::CloudWatch::Dashboard")
    _, parts = dashboard["DashboardBody"]["Fn::Join"]
    body = json.loads("".join(part if isinstance(part, str) else "?" for part in parts))
    return {one["properties"]["title"]: one["properties"] for one in body["widgets"]}


def _published(monkeypatch, *answers):
    """Give each metric that the service publishes for answers, by its dimensions, as CloudWatch sees them."""
    lines: list[dict] = []
    monkeypatch.setattr("builtins.print", lambda text: lines.append(json.loads(text)))
    # A local server, which another test may have started in this process, publishes none.
    monkeypatch.delenv("POWERTOOLS_METRICS_DISABLED", raising=False)
    monkeypatch.setattr("api.observe._metrics.service", "leukolens-dev-predict")
    for answer in answers:
        measure(answer, cold_start=False)
    monkeypatch.undo()
    for line in lines:
        for directive in line["_aws"]["CloudWatchMetrics"]:
            for metric in directive["Metrics"]:
                for names in directive["Dimensions"]:
                    yield directive["Namespace"], metric["Name"], {name: line[name] for name in names}


def test_the_dashboard_counts_whatever_labels_and_sides_the_service_publishes(dev, monkeypatch):
    """By another laboratory's labels: the queries find each, by dimensions that the service really has."""
    seconds = SimpleNamespace(decode_ms=1.0, inference_ms=1.0, explain_ms=0.0)
    answers = [
        SimpleNamespace(
            label=label,
            verdict=verdict,
            triage=SimpleNamespace(result=side, verdict=verdict),
            timings=seconds,
            out_of_distribution_score=0.1,
        )
        for label, verdict, side in (
            ("blast", "accepted", "malignant"),
            ("lymphocyte", "uncertain", None),
            (None, "out_of_distribution", None),
        )
    ]
    published = list(_published(monkeypatch, *answers))
    widgets = _widgets(dev["Monitoring"])
    expected = {
        "Labels": {"blast", "lymphocyte", "none"},
        "Verdicts on the pattern": {"accepted", "uncertain", "out_of_distribution"},
        "Triage": {"malignant", "uncertain", "out_of_distribution"},
    }
    for title, lines in expected.items():
        ((query,),) = widgets[title]["metrics"]
        metric, schema, service, by = re.fullmatch(
            r"SELECT SUM\((\w+)\) FROM SCHEMA\(([^)]*)\) WHERE service = '([^']*)' GROUP BY (\w+)", query["expression"]
        ).groups()
        namespace, *dimensions = [one.strip().strip('"') for one in schema.split(",")]
        found = {
            values[by]
            for space, name, values in published
            if (space, name, set(values), values["service"]) == (namespace, metric, set(dimensions), service)
        }
        assert found == lines, title


def test_the_dashboard_shows_the_metrics_that_the_service_publishes(dev):
    body = json.dumps(_widgets(dev["Monitoring"]))
    for shown in ("ColdStart", "DecodeLatency", "InferenceLatency", "OutOfDistributionScore", "Estimated cost"):
        assert shown in body
