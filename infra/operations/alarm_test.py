"""``make test-alarm ENV=dev``: set one alarm off by hand, and see whether its message leaves and who would get it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3

from infra.config import Environment
from infra.environments import ConfigError
from infra.operations.errors import explained
from infra.stack import stack_name, topic_name

# CloudWatch notes an action some seconds after the state.
_WAIT_S, _PAUSE_S = 60.0, 2.0
_REASON = "Set off by hand: python -m infra test-alarm. Nothing is wrong."


def set_off(
    environment: Environment,
    client: Callable[[str], Any] | None = None,
    wait: Callable[[float], None] = time.sleep,
) -> str:
    """Set the environment's alarm ``Errors`` off, and read what CloudWatch made of its action.

    Returns
    -------
    str
        Who gets the message.

    Raises
    ------
    ConfigError
        If there is no such alarm, its message did not leave, or nobody would get it.
    """
    make_client = client or (lambda service: boto3.client(service, region_name=environment.region))
    with explained():
        return _set_off(environment, make_client("cloudwatch"), make_client("sns"), make_client("sts"), wait)


def _set_off(environment: Environment, cloudwatch: Any, sns: Any, sts: Any, wait: Callable[[float], None]) -> str:
    stack = stack_name(environment, "Monitoring")
    alarms = cloudwatch.describe_alarms(AlarmNamePrefix=f"{stack}-Errors")["MetricAlarms"]
    if not alarms:
        raise ConfigError(f"no alarm begins with {stack}-Errors in {environment.region}: run make deploy first")
    name, account = alarms[0]["AlarmName"], sts.get_caller_identity()["Account"]
    begun = datetime.now(UTC)
    # From a state that it is not in, so that the change is one.
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason=_REASON)
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason=_REASON)
    _wait_for_action(cloudwatch, name, begun, wait)
    partition = alarms[0]["AlarmArn"].split(":")[1]
    topic = f"arn:{partition}:sns:{environment.region}:{account}:{topic_name(environment)}"
    subscriptions = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    confirmed = [each["Endpoint"] for each in subscriptions if each["SubscriptionArn"].startswith("arn:")]
    if not confirmed:
        waiting = ", ".join(each["Endpoint"] for each in subscriptions)
        raise ConfigError(
            f"{name} went off and its message reached the topic, but nobody gets it: "
            + (f"{waiting} has not confirmed the subscription" if waiting else "set monitoring.email and deploy")
        )
    return f"{name} went off; its message went to {', '.join(confirmed)}. CloudWatch sets it back by itself"


def _wait_for_action(cloudwatch: Any, name: str, begun: datetime, wait: Callable[[float], None]) -> None:
    """Wait until CloudWatch has noted that the action was done, or that it failed."""
    waited = 0.0
    while waited <= _WAIT_S:
        history = cloudwatch.describe_alarm_history(AlarmName=name, HistoryItemType="Action", StartDate=begun)
        for item in history["AlarmHistoryItems"]:
            if item["HistorySummary"].startswith("Failed"):
                raise ConfigError(f"{name} went off and its message did not leave: {item['HistorySummary']}")
            if item["HistorySummary"].startswith("Successfully"):
                return
        wait(_PAUSE_S)
        waited += _PAUSE_S
    raise ConfigError(f"{name} went off, and CloudWatch noted no action within {_WAIT_S:g} s: look at its history")
