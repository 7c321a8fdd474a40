"""Alarms go off for what matters and reach somebody; the dashboard shows what the service publishes."""

import json
import re

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
    watched = [metric for alarm in alarms.values() for metric in _metrics(alarm)]
    assert {metric["MetricName"] for metric in watched} == {
        "5xx",
        "Latency",
        "Throttles",
        "ExecutionsFailed",
        "ExecutionsTimedOut",
        "ExecutionsAborted",
        "OutOfDistribution",
    }


def _metrics(alarm):
    """Give every metric that an alarm watches, by itself or in an expression."""
    return [one["MetricStat"]["Metric"] for one in alarm.get("Metrics", []) if "MetricStat" in one] or [alarm]


def test_a_batch_that_does_not_succeed_is_told_however_it_ended(alarms):
    batch = alarms["BatchFailures"]
    (expression,) = [one["Expression"] for one in batch["Metrics"] if "Expression" in one]
    ids = {one["Id"]: one["MetricStat"]["Metric"]["MetricName"] for one in batch["Metrics"] if "MetricStat" in one}
    # An end that did not happen is no data, which an addition must not turn into none at all.
    assert {ids[name] for name in re.findall(r"FILL\((\w+), 0\)", expression)} == {
        "ExecutionsFailed",
        "ExecutionsTimedOut",
        "ExecutionsAborted",
    }


def test_thresholds_are_the_environments(alarms):
    settings = load_environment("prod").monitoring
    by_metric = {metric["MetricName"]: alarm for alarm in alarms.values() for metric in _metrics(alarm)}
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
