"""How a new version of the function takes over: at once, or by a canary that goes back when alarms go off."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.config import Environment
from infra.constructs.alarm import alarm_topic, tell, what_to_do
from infra.constructs.permissions import allow

_CONFIGURATIONS = {
    "canary-10-percent-5-minutes": codedeploy.LambdaDeploymentConfig.CANARY_10_PERCENT_5_MINUTES,
    "canary-10-percent-15-minutes": codedeploy.LambdaDeploymentConfig.CANARY_10_PERCENT_15_MINUTES,
}
_MINUTE = cdk.Duration.minutes(1)


class Release(Construct):
    """CodeDeploy's shift of an alias from the old version to the new.

    Made only where the environment names a canary. A tenth of the requests go to the new version first; if one of them
    ends in an error of the function, or their slowest percent take longer than the environment allows, CodeDeploy goes
    back and CloudFormation undoes the rest of the deploy. What the old version does counts for nothing: else a bad
    version would refuse its own replacement.
    """

    def __init__(self, scope: Construct, construct_id: str, *, environment: Environment, alias: lambda_.Alias) -> None:
        super().__init__(scope, construct_id)
        strategy = environment.release.strategy
        if strategy not in _CONFIGURATIONS:
            return
        self._environment, self._alias = environment, alias
        topic = alarm_topic(self, environment)
        errors = self._alarm(
            "Errors",
            "ReleaseErrors",
            self._of_new_version("Errors", "Sum"),
            above=0,
            meaning="A request to the new version ended in an error of the function; the release goes back",
        )
        slow = self._alarm(
            "Slow",
            "ReleaseSlow",
            self._of_new_version("Duration", "p99"),
            above=environment.monitoring.p99_latency_ms,
            meaning="The new version is slow (p99, ms); the release goes back",
            # A cold start alone makes one minute slow.
            evaluation_periods=3,
            datapoints_to_alarm=2,
        )
        for cloudwatch_alarm in (errors, slow):
            tell(cloudwatch_alarm, topic)
        group = codedeploy.LambdaDeploymentGroup(
            self,
            "Shift",
            alias=alias,
            deployment_config=_CONFIGURATIONS[strategy],
            alarms=[errors, slow],
            auto_rollback=codedeploy.AutoRollbackConfig(
                failed_deployment=True, stopped_deployment=True, deployment_in_alarm=True
            ),
            role=self._role(alias).without_policy_updates(),
        )
        # The shift begins with the alias: what watches it is there before.
        alias.node.add_dependency(group)

    def _of_new_version(self, metric: str, statistic: str) -> cloudwatch.Metric:
        """Give a metric of the version that is being released, and not of the one that it replaces.

        Lambda counts by version while an alias sends requests to two of them.
        """
        function = self._alias.lambda_.function_name
        return cloudwatch.Metric(
            namespace="AWS/Lambda",
            metric_name=metric,
            dimensions_map={
                "FunctionName": function,
                "Resource": f"{function}:{self._alias.alias_name}",
                "ExecutedVersion": self._alias.version.version,
            },
            statistic=statistic,
            period=_MINUTE,
        )

    def _alarm(
        self,
        construct_id: str,
        section: str,
        metric: cloudwatch.Metric,
        *,
        above: float,
        meaning: str,
        evaluation_periods: int = 1,
        datapoints_to_alarm: int = 1,
    ) -> cloudwatch.Alarm:
        return cloudwatch.Alarm(
            self,
            construct_id,
            # Another version, another alarm: one that a bad version set off would refuse the release of its remedy.
            alarm_name=f"leukolens-{self._environment.name}-{section}-{self._alias.version.version}",
            metric=metric,
            threshold=above,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=evaluation_periods,
            datapoints_to_alarm=datapoints_to_alarm,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=f"{meaning}. {what_to_do(section)}",
        )

    def _role(self, alias: lambda_.Alias) -> iam.Role:
        """Allow what AWS's managed policy for CodeDeploy and Lambda allows, on this function alone."""
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("codedeploy.amazonaws.com"),
            description="Shifts the alias between versions",
        )
        arn = cdk.Stack.of(self).format_arn(
            service="lambda",
            resource="function",
            resource_name=alias.lambda_.function_name,
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        allow(role, ["lambda:UpdateAlias", "lambda:GetAlias"], arn)
        allow(
            role,
            ["lambda:GetProvisionedConcurrencyConfig", "lambda:GetAlias", "lambda:UpdateAlias"],
            f"{arn}:*",
            reason="Versions are numbered when they are published.",
        )
        allow(
            role,
            ["cloudwatch:DescribeAlarms"],
            "*",
            reason="CloudWatch lets alarms be read by name only with every alarm as the resource.",
        )
        return role
