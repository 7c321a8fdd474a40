"""What people look at and what wakes them: a dashboard, alarms, and the topic that alarms go to."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.config import Environment
from infra.constructs.alarm import alarm
from infra.constructs.budget import monthly_budget
from infra.constructs.permissions import account_wide
from infra.constructs.synthetic_canary import SyntheticCanary
from infra.stack import Output, topic_name
from infra.stacks.base import EnvironmentStack
from infra.stacks.batch import BatchStack
from infra.stacks.identity import IdentityStack
from infra.stacks.inference import InferenceStack
from infra.stacks.monitoring_metrics import Metrics
from infra.stacks.storage import StorageStack

_ENDS = {
    "ExecutionsFailed": "A batch failed",
    "ExecutionsTimedOut": "A batch ran out of time",
    "ExecutionsAborted": "A batch was stopped",
}
# Hours, and how many times too fast.
_BURNS = {"Fast": (1, 14.4), "Slow": (6, 6.0)}


class MonitoringStack(EnvironmentStack):
    """The dashboard ``leukolens-<environment>``, alarms, their topic and the synthetic canary.

    Attributes
    ----------
    topic
        Where alarms go; ``monitoring.email`` subscribes to it.
    """

    def __init__(
        self,
        app: Construct,
        environment: Environment,
        *,
        storage: StorageStack,
        inference: InferenceStack,
        batch: BatchStack,
        identity: IdentityStack,
    ) -> None:
        super().__init__(app, environment, "Monitoring", "dashboard and alarms")
        self._settings = environment.monitoring
        self._metrics = Metrics(environment, inference, batch)
        self.topic = sns.Topic(
            self, "Alarms", topic_name=topic_name(environment), master_key=storage.key, enforce_ssl=True
        )
        # The statement that refuses plain HTTP replaces SNS's own policy, which let the account's alarms in.
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsPublish",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions=self._of_this_account(),
            )
        )
        # CloudWatch encrypts what it sends to the topic; the key's policy must let it.
        storage.key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsToTopic",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=["*"],
                conditions=self._of_this_account(),
            )
        )
        if self._settings.email:
            self.topic.add_subscription(subscriptions.EmailSubscription(self._settings.email))
            name = f"leukolens-{environment.name}"
            # As cdk.Tags set it; "user:" is how billing writes a tag that is not AWS's.
            spent = {"TagKeyValue": [f"user:environment${environment.name}"]}
            monthly_budget(self, name, self._settings.monthly_budget_usd, spent, self._settings.email)
        self._alarms()
        if self._settings.canary_minutes:
            SyntheticCanary(
                self,
                "Canary",
                environment=environment,
                pool=identity.pool,
                client=identity.machine,
                token_url=f"{identity.sign_in_url}/oauth2/token",
                models=storage.models,
                key=storage.key,
                api_url=inference.api.url,
                topic=self.topic,
            )
        self._dashboard(environment)
        cdk.CfnOutput(self, Output.ALARM_TOPIC_ARN, value=self.topic.topic_arn)

    def _of_this_account(self) -> dict[str, dict[str, str]]:
        alarms = self.format_arn(
            service="cloudwatch", resource="alarm", resource_name="*", arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME
        )
        return {"StringEquals": {"aws:SourceAccount": self.account}, "ArnLike": {"aws:SourceArn": alarms}}

    def _alarms(self) -> None:
        metrics, settings = self._metrics, self._settings
        five_minutes, hour = cdk.Duration.minutes(5), cdk.Duration.hours(1)
        self._alarm("Errors", metrics.server_errors(five_minutes), settings.server_errors, "Requests end in 5xx")
        self._alarm(
            "Latency", metrics.api_latency("p99", five_minutes), settings.p99_latency_ms, "Answers are slow (p99, ms)"
        )
        self._alarm("Throttles", metrics.throttles(five_minutes), 0, "The function has no concurrency left")
        for end, metric in metrics.batch_ends(five_minutes).items():
            name = end.replace("Executions", "Batch")
            alarm(self, name, metric, above=0, meaning=_ENDS[end], topic=self.topic, section="BatchFailures")
        self._alarm(
            "OutOfDistribution",
            metrics.out_of_distribution_percent(hour),
            settings.out_of_distribution_percent,
            "The model does not know what it is shown: a new stain, scanner or kind of sample",
        )

        self._watch_objectives()

    def _watch_objectives(self) -> None:
        """Tell when a month's errors are used up too fast: in two days, and in five.

        https://sre.google/workbook/alerting-on-slos/, table 5-6, without its short windows: an alarm stays on for as
        long as its window.
        """
        objectives, metrics = self._settings.objectives, self._metrics
        for speed, (hours, burn) in _BURNS.items():
            window = cdk.Duration.hours(hours)
            alarm(
                self,
                f"Availability{speed}",
                metrics.server_error_rate(window),
                above=round(burn * (100 - objectives.available_percent) / 100, 6),
                meaning=f"5xx {burn:g} times as often as {objectives.available_percent:g} % leaves room for",
                topic=self.topic,
                section="Objectives",
            )
            alarm(
                self,
                f"Speed{speed}",
                metrics.within_percent(objectives.fast_ms, window),
                below=max(0.0, round(100 - burn * (100 - objectives.fast_percent), 6)),
                meaning=f"Too few requests are answered within {objectives.fast_ms} ms",
                topic=self.topic,
                section="Objectives",
            )

    def _alarm(self, name: str, metric: cloudwatch.IMetric, above: float, meaning: str) -> None:
        alarm(self, name, metric, above=above, meaning=meaning, topic=self.topic)

    def _dashboard(self, environment: Environment) -> None:
        metrics = self._metrics
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=account_wide(f"leukolens-{environment.name}", self),
            default_interval=cdk.Duration.days(1),
            widgets=[
                [
                    _graph("Traffic and errors", metrics.traffic()),
                    _graph("Latency, ms", metrics.latencies()),
                    _graph("Cold starts, throttles, concurrency", metrics.function_load()),
                ],
                [
                    _graph("Triage", metrics.triage()),
                    _graph("Verdicts on the pattern", metrics.verdicts()),
                    _graph("Labels", metrics.labels()),
                ],
                [
                    _graph("Out-of-distribution score", metrics.drift()),
                ],
                [
                    _graph("Decoding and inference, ms", metrics.stages()),
                    _graph("Batches", metrics.batches()),
                ],
                [
                    cloudwatch.SingleValueWidget(
                        title="Estimated cost, US dollars a day",
                        width=8,
                        height=6,
                        period=cdk.Duration.days(1),
                        metrics=[metrics.cost(environment)],
                    ),
                ],
            ],
        )


def _graph(title: str, metrics: list[cloudwatch.IMetric]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(
        title=title, left=metrics, width=8, height=6, legend_position=cloudwatch.LegendPosition.BOTTOM
    )
