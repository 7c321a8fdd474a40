"""An alarm that somebody hears, and that says where docs/runbook.md tells what to do."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.config import Environment
from infra.stack import topic_name


def what_to_do(section: str) -> str:
    """Give the end of an alarm's description; the section's heading is the alarm's name.

    Parameters
    ----------
    section
        ``BatchFailures``, ``ReleaseSlow``, ...
    """
    return f"What to do: docs/runbook.md#{section.lower()}"


def alarm_topic(scope: Construct, environment: Environment) -> sns.ITopic:
    """Give the environment's topic by its name: the stack that makes it comes after those whose alarms it takes."""
    stack = cdk.Stack.of(scope)
    if imported_topic := stack.node.try_find_child("AlarmTopic"):
        return imported_topic  # type: ignore[return-value] # made below
    arn = stack.format_arn(service="sns", resource=topic_name(environment))
    return sns.Topic.from_topic_arn(stack, "AlarmTopic", arn)


def tell(cloudwatch_alarm: cloudwatch.Alarm, topic: sns.ITopic) -> cloudwatch.Alarm:
    """Send an alarm's beginning and its end to a topic."""
    action = actions.SnsAction(topic)
    cloudwatch_alarm.add_alarm_action(action)
    cloudwatch_alarm.add_ok_action(action)
    return cloudwatch_alarm


def alarm(
    scope: Construct,
    name: str,
    metric: cloudwatch.IMetric,
    *,
    meaning: str,
    topic: sns.ITopic,
    above: float | None = None,
    below: float | None = None,
    section: str | None = None,
    silence_is_trouble: bool = False,
) -> cloudwatch.Alarm:
    """Make an alarm.

    Parameters
    ----------
    scope
        The stack that it belongs to.
    name
        Of the alarm.
    metric
        What is watched.
    meaning
        What a person reads first.
    topic
        Where it goes, at its beginning and at its end.
    above, below
        One of both: values over, or under, this one are trouble.
    section
        Of docs/runbook.md; the alarm's name, if left out.
    silence_is_trouble
        Whether a period without data is one over the threshold; else it is no trouble.

    Returns
    -------
    cloudwatch.Alarm
        Which goes off with the first period over the threshold.
    """
    limit = below if above is None else above
    if limit is None:
        raise TypeError("an alarm needs a limit: above or below")
    cloudwatch_alarm = cloudwatch.Alarm(
        scope,
        name,
        metric=metric,
        threshold=limit,
        comparison_operator=(
            cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
            if above is None
            else cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
        ),
        evaluation_periods=1,
        treat_missing_data=(
            cloudwatch.TreatMissingData.BREACHING if silence_is_trouble else cloudwatch.TreatMissingData.NOT_BREACHING
        ),
        alarm_description=f"{meaning}. {what_to_do(section or name)}",
    )
    return tell(cloudwatch_alarm, topic)
