"""Every metric that the dashboard, the alarms and the canary read, by what it means."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from infra.config import Environment
from infra.prices import read_prices
from infra.stacks.batch import BatchStack
from infra.stacks.inference import InferenceStack

# As lambda/api/observe.py publishes them.
NAMESPACE = "Leukolens"
# How an execution of Step Functions can end, beside success.
BAD_ENDS = ("ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted")
_FIVE_MINUTES = cdk.Duration.minutes(5)


class Metrics:
    """The metrics of one environment."""

    def __init__(self, environment: Environment, inference: InferenceStack, batch: BatchStack) -> None:
        self._api_id = inference.api.http_api.api_id
        self._function = inference.function.function_name
        # As it is written, and not as a reference: a query stands in quotation marks.
        self._function_name = inference.function_name
        self._batch_function = batch.function.function_name
        self._state_machine = batch.state_machine.ref
        self._memory_gb = environment.inference.memory_mb / 1024

    def traffic(self) -> list[cloudwatch.IMetric]:
        """Give requests, and those that the caller or the service got wrong."""
        return [_labelled(self._api(name, "Sum")) for name in ("Count", "4xx", "5xx")]

    def latencies(self) -> list[cloudwatch.IMetric]:
        """Give what a caller waits, in ms."""
        return [_labelled(self.api_latency(statistic)) for statistic in ("p50", "p99")]

    def api_latency(self, statistic: str, period: cdk.Duration = _FIVE_MINUTES) -> cloudwatch.Metric:
        """Give a statistic of the time from request to answer, in ms."""
        return self._api("Latency", statistic, period)

    def server_errors(self, period: cdk.Duration) -> cloudwatch.Metric:
        """Give the requests that end in 5xx."""
        return self._api("5xx", "Sum", period)

    def throttles(self, period: cdk.Duration) -> cloudwatch.Metric:
        """Give the calls that found no concurrency."""
        return self._lambda("Throttles", "Sum", self._function, period)

    def function_load(self) -> list[cloudwatch.IMetric]:
        """Give cold starts, throttles and how many run at once."""
        return [
            self._ours("ColdStart", "Sum"),
            self.throttles(_FIVE_MINUTES),
            self._lambda("ConcurrentExecutions", "Maximum", self._function),
        ]

    def verdicts(self) -> list[cloudwatch.IMetric]:
        """Give predictions by verdict."""
        return [self._counted("PredictionCount", "verdict", ("label", "service", "verdict"))]

    def labels(self) -> list[cloudwatch.IMetric]:
        """Give predictions by label, whatever the labels of the model are."""
        return [self._counted("PredictionCount", "label", ("label", "service", "verdict"))]

    def triage(self) -> list[cloudwatch.IMetric]:
        """Give fields by side, malignant or benign, and by the verdict that stands for none."""
        return [self._counted("TriageCount", "triage", ("service", "triage"))]

    def drift(self) -> list[cloudwatch.IMetric]:
        """Give the out-of-distribution score's quantiles, which move before verdicts do."""
        return [_labelled(self._ours("OutOfDistributionScore", quantile)) for quantile in ("p50", "p90", "p99")]

    def out_of_distribution_percent(self, period: cdk.Duration) -> cloudwatch.Metric:
        """Give the share of predictions that the model calls out of distribution: each counts 0 or 100."""
        return self._ours("OutOfDistribution", "Average", period)

    def stages(self) -> list[cloudwatch.IMetric]:
        """Give where the time of a prediction goes, in ms."""
        return [
            _labelled(self._ours(name, statistic))
            for name in ("DecodeLatency", "InferenceLatency")
            for statistic in ("p50", "p99")
        ]

    def batches(self) -> list[cloudwatch.IMetric]:
        """Give executions by how they ended."""
        return [self._states(name) for name in ("ExecutionsStarted", "ExecutionsSucceeded", *BAD_ENDS)]

    def batch_ends(self, period: cdk.Duration) -> dict[str, cloudwatch.Metric]:
        """Give the batches that did not succeed, by how they ended: each end is a metric of its own."""
        return {name: self._states(name, period) for name in BAD_ENDS}

    def server_error_rate(self, period: cdk.Duration) -> cloudwatch.Metric:
        """Give the share of requests that end in 5xx, 0 to 1: the average of a metric that counts 0 or 1 a request."""
        return self._api("5xx", "Average", period)

    def within_percent(self, milliseconds: int, period: cdk.Duration) -> cloudwatch.Metric:
        """Give the percentage of requests that are answered within a time."""
        return self._api("Latency", f"PR(:{milliseconds})", period)

    def cost(self, environment: Environment) -> cloudwatch.MathExpression:
        """Give what functions, API and machine client cost a day by infra/prices.toml; no storage, no logs."""
        prices, day = {name: price.usd for name, price in read_prices().items()}, cdk.Duration.days(1)
        gb_ms = prices["lambda_gb_second"] * self._memory_gb / 1000
        # Whether anybody calls or not.
        idle = (
            environment.inference.provisioned_concurrency * self._memory_gb * prices["provisioned_gb_second"] * 86_400
            + prices["machine_client_month"] * 12 / 365
        )
        return cloudwatch.MathExpression(
            expression=(
                f"(FILL(ms, 0) + FILL(batch_ms, 0)) * {gb_ms:.12f}"
                f" + (FILL(calls, 0) + FILL(batch_calls, 0)) * {prices['lambda_request']:.12f}"
                f" + FILL(requests, 0) * {prices['api_request']:.12f}"
                f" + {idle:.6f}"
            ),
            label="US dollars",
            period=day,
            using_metrics={
                "ms": self._lambda("Duration", "Sum", self._function, day),
                "batch_ms": self._lambda("Duration", "Sum", self._batch_function, day),
                "calls": self._lambda("Invocations", "Sum", self._function, day),
                "batch_calls": self._lambda("Invocations", "Sum", self._batch_function, day),
                "requests": self._api("Count", "Sum", day),
            },
        )

    def _api(self, name: str, statistic: str, period: cdk.Duration = _FIVE_MINUTES) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/ApiGateway",
            metric_name=name,
            dimensions_map={"ApiId": self._api_id, "Stage": "$default"},
            statistic=statistic,
            period=period,
        )

    def _lambda(
        self, name: str, statistic: str, function: str, period: cdk.Duration = _FIVE_MINUTES
    ) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/Lambda",
            metric_name=name,
            dimensions_map={"FunctionName": function},
            statistic=statistic,
            period=period,
        )

    def _states(self, name: str, period: cdk.Duration = _FIVE_MINUTES) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/States",
            metric_name=name,
            dimensions_map={"StateMachineArn": self._state_machine},
            statistic="Sum",
            period=period,
        )

    def _ours(self, name: str, statistic: str, period: cdk.Duration = _FIVE_MINUTES) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=name,
            dimensions_map={"service": self._function},
            statistic=statistic,
            period=period,
        )

    def _counted(self, metric: str, by: str, dimensions: tuple[str, ...]) -> cloudwatch.MathExpression:
        """Count a metric by one of its dimensions: a line for each value that was published.

        A query, so that no list of labels stands here: the model of the image says them, which synthesis need not have.
        It reaches two weeks back.
        """
        schema = ", ".join((f'"{NAMESPACE}"', *dimensions))
        counted, of_service = f"SUM({metric}) FROM SCHEMA({schema})", f"service = '{self._function_name}'"
        return cloudwatch.MathExpression(
            expression=f"SELECT {counted} WHERE {of_service} GROUP BY {by}",
            label="",
            period=_FIVE_MINUTES,
            using_metrics={},
        )


def _labelled(metric: cloudwatch.Metric) -> cloudwatch.Metric:
    """Name a line of a graph by its statistic too; an alarm takes no label."""
    return metric.with_(label=f"{metric.metric_name} {metric.statistic}")
