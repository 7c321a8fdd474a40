"""An alarm that somebody hears, and that says where docs/runbook.md tells what to do."""

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct


def what_to_do(section: str) -> str:
    """Give the end of an alarm's description; the section's heading is the alarm's name.

    Parameters
    ----------
    section
        ``BatchFailures``, ``ReleaseSlow``, ...
    """
    return f"What to do: docs/runbook.md#{section.lower()}"


def alarm(
    scope: Construct, name: str, metric: cloudwatch.IMetric, *, above: float, meaning: str, topic: sns.ITopic
) -> cloudwatch.Alarm:
    """Make an alarm.

    Parameters
    ----------
    scope
        The stack that it belongs to.
    name
        Of the alarm, and of its section in docs/runbook.md.
    metric
        What is watched; no data is no trouble.
    above
        Values over this one are.
    meaning
        What a person reads first.
    topic
        Where it goes, at its beginning and at its end.

    Returns
    -------
    cloudwatch.Alarm
        Which goes off with the first period over the threshold.
    """
    made = cloudwatch.Alarm(
        scope,
        name,
        metric=metric,
        threshold=above,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        evaluation_periods=1,
        treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        alarm_description=f"{meaning}. {what_to_do(name)}",
    )
    action = actions.SnsAction(topic)
    made.add_alarm_action(action)
    made.add_ok_action(action)
    return made
