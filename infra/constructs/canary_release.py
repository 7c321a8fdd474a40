"""How a new version of the function takes over: at once, or by a canary that goes back when alarms go off."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.config import Environment
from infra.constructs.alarm import what_to_do
from infra.constructs.permissions import allow

_CONFIGURATIONS = {
    "canary-10-percent-5-minutes": codedeploy.LambdaDeploymentConfig.CANARY_10_PERCENT_5_MINUTES,
    "canary-10-percent-15-minutes": codedeploy.LambdaDeploymentConfig.CANARY_10_PERCENT_15_MINUTES,
}
_MINUTE = cdk.Duration.minutes(1)


class Release(Construct):
    """CodeDeploy's shift of an alias from the old version to the new.

    Made only where the environment names a canary. A tenth of the requests go to the new version first; if one ends in
    an error of the function, or the slowest percent take longer than the environment allows, CodeDeploy goes back and
    CloudFormation undoes the rest of the deploy.
    """

    def __init__(self, scope: Construct, construct_id: str, *, environment: Environment, alias: lambda_.Alias) -> None:
        super().__init__(scope, construct_id)
        strategy = environment.release.strategy
        if strategy not in _CONFIGURATIONS:
            return
        errors = cloudwatch.Alarm(
            self,
            "Errors",
            metric=alias.metric_errors(period=_MINUTE, statistic="Sum"),
            threshold=0,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description="A request ended in an error of the function; a release that is under way goes back. "
            + what_to_do("ReleaseErrors"),
        )
        slow = cloudwatch.Alarm(
            self,
            "Slow",
            metric=alias.metric_duration(period=_MINUTE, statistic="p99"),
            threshold=environment.monitoring.p99_latency_ms,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            # A cold start alone makes one minute slow.
            evaluation_periods=3,
            datapoints_to_alarm=2,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description="The function is slow (p99, ms); a release that is under way goes back. "
            + what_to_do("ReleaseSlow"),
        )
        codedeploy.LambdaDeploymentGroup(
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
