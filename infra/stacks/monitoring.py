"""What people look at and what wakes them: a dashboard, alarms, and the topic that alarms go to."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from infra.config import Environment
from infra.constructs.alarm import alarm
from infra.stacks.batch import BatchStack
from infra.stacks.inference import InferenceStack
from infra.stacks.monitoring_metrics import Metrics
from infra.stacks.storage import StorageStack


class MonitoringStack(cdk.Stack):
    """Dashboard ``leukolens-<environment>`` and its alarms.

    Attributes
    ----------
    topic
        Where alarms go; ``monitoring.email`` subscribes to it.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        env: cdk.Environment,
        storage: StorageStack,
        inference: InferenceStack,
        batch: BatchStack,
    ) -> None:
        super().__init__(scope, construct_id, env=env, description="Leukolens: dashboard and alarms")
        self._settings = environment.monitoring
        self._metrics = Metrics(environment, inference, batch)
        self.topic = sns.Topic(
            self, "Alarms", topic_name=f"leukolens-{environment.name}-alarms", master_key=storage.key, enforce_ssl=True
        )
        # CloudWatch encrypts what it sends to the topic; the key's policy must let it.
        storage.key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsToTopic",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=["*"],
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            )
        )
        if self._settings.email:
            self.topic.add_subscription(subscriptions.EmailSubscription(self._settings.email))
        self._alarms()
        self._dashboard(environment)
        cdk.CfnOutput(self, "AlarmTopicArn", value=self.topic.topic_arn)

    def _alarms(self) -> None:
        metrics, settings = self._metrics, self._settings
        five_minutes, hour = cdk.Duration.minutes(5), cdk.Duration.hours(1)
        self._alarm("Errors", metrics.server_errors(five_minutes), settings.server_errors, "Requests end in 5xx")
        self._alarm(
            "Latency", metrics.api_latency("p99", five_minutes), settings.p99_latency_ms, "Answers are slow (p99, ms)"
        )
        self._alarm("Throttles", metrics.throttles(five_minutes), 0, "The function has no concurrency left")
        self._alarm("BatchFailures", metrics.batch_failures(five_minutes), 0, "A batch failed")
        self._alarm(
            "OutOfDistribution",
            metrics.out_of_distribution_percent(hour),
            settings.out_of_distribution_percent,
            "The model does not know what it is shown: a new stain, scanner or kind of sample",
        )

    def _alarm(self, name: str, metric: cloudwatch.IMetric, above: float, meaning: str) -> None:
        alarm(self, name, metric, above=above, meaning=meaning, topic=self.topic)

    def _dashboard(self, environment: Environment) -> None:
        metrics = self._metrics
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=f"leukolens-{environment.name}",
            default_interval=cdk.Duration.days(1),
            widgets=[
                [
                    _graph("Traffic and errors", metrics.traffic()),
                    _graph("Latency, ms", metrics.latencies()),
                    _graph("Cold starts, throttles, concurrency", metrics.function_load()),
                ],
                [
                    _graph("Verdicts", metrics.verdicts()),
                    _graph("Labels", metrics.labels()),
                    _graph("Out-of-distribution score", metrics.drift()),
                ],
                [
                    _graph("Decoding and inference, ms", metrics.stages()),
                    _graph("Batches", metrics.batches()),
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
