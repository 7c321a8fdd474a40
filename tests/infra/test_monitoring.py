"""Alarms go off for what matters and reach somebody; the dashboard shows what the service publishes."""

import json

import pytest

from infra.environments import load_environment
from infra.stacks.monitoring_metrics import LABELS, VERDICTS


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
        "OutOfDistribution",
    }


def test_thresholds_are_the_environments(alarms):
    settings = load_environment("prod").monitoring
    by_metric = {alarm["MetricName"]: alarm for alarm in alarms.values()}
    assert by_metric["5xx"]["Threshold"] == settings.server_errors
    assert by_metric["Latency"]["Threshold"] == settings.p99_latency_ms
    assert by_metric["Latency"]["ExtendedStatistic"] == "p99"
    assert by_metric["OutOfDistribution"]["Threshold"] == settings.out_of_distribution_percent


def test_every_alarm_and_its_end_go_to_the_topic_and_name_the_runbook(alarms):
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == alarm["OKActions"] != []
        assert "docs/runbook.md" in alarm["AlarmDescription"]


def test_silence_is_no_alarm(alarms):
    assert {alarm["TreatMissingData"] for alarm in alarms.values()} == {"notBreaching"}


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


def test_the_dashboard_shows_the_metrics_that_the_service_publishes(dev):
    (dashboard,) = dev["Monitoring"].properties("AWS::CloudWatch::Dashboard")
    body = json.dumps(dashboard["DashboardBody"])
    published = ["ColdStart", "DecodeLatency", "InferenceLatency", "OutOfDistributionScore", "PredictionCount"]
    for shown in (*published, *LABELS, *VERDICTS, "Estimated cost"):
        assert shown in body


def test_labels_are_those_of_the_shipped_model():
    from infra.image import ROOT

    card = json.loads((ROOT / "models" / "default" / "model.json").read_text())
    assert tuple(card["labels"]) == LABELS
