"""Alarms go off for what matters and reach somebody; the dashboard shows what the service publishes."""

import json

import pytest

from infra.environments import load_environment
from infra.stacks.monitoring_metrics import VERDICTS


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
    for shown in (*published, "label", *VERDICTS, "Estimated cost"):
        assert shown in body
