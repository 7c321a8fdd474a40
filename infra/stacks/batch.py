"""Classification of everything below an S3 prefix: a Distributed Map that calls the image's batch entry point."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.config import Environment
from infra.constructs.image_function import RETENTION, ImageFunction
from infra.constructs.permissions import (
    account_wide,
    acknowledge_objects,
    acknowledge_pattern,
    allow,
    allow_objects,
)
from infra.image import Image
from infra.stack import Output
from infra.stacks.base import EnvironmentStack
from infra.stacks.batch_definition import LABEL, definition
from infra.stacks.storage import StorageStack

_SUMMARY_TIMEOUT_S = 300
_SUMMARY_MEMORY_MB = 1024
_LOG_DELIVERY = (
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
)
_TRACES = (
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
)


class BatchStack(EnvironmentStack):
    """The state machine ``leukolens-<environment>-batch``.

    Its input is ``{"prefix": "slides/7/"}``, of the data bucket. It writes one JSON line an image below
    ``batches/<execution>/lines`` of the results bucket, what each call answered below ``batches/<execution>/calls``,
    and ``batches/<execution>/summary.json``, which is also its output.

    Attributes
    ----------
    state_machine, function
        The state machine, and the function that classifies for it.
    """

    def __init__(self, app: Construct, environment: Environment, *, image: Image, storage: StorageStack) -> None:
        super().__init__(app, environment, "Batch", "batches over an S3 prefix")
        name = f"leukolens-{environment.name}-batch"
        self._storage = storage
        classify = ImageFunction(
            self,
            "Classify",
            environment=environment,
            image=image,
            name=name,
            entry_point="handler.batch",
            model=True,
            timeout_s=environment.batch.timeout_s,
        )
        self.function = classify.function
        allow_objects(classify.role, storage.data, storage.key, read="*", reason="Any field of the data may be named.")
        allow_objects(
            classify.role, storage.results, storage.key, write="batches/*", reason="One result a call, by its content."
        )
        summarise = ImageFunction(
            self,
            "Summarise",
            environment=environment,
            image=image,
            name=f"leukolens-{environment.name}-summary",
            entry_point="summary.handler",
            timeout_s=_SUMMARY_TIMEOUT_S,
            memory_mb=_SUMMARY_MEMORY_MB,
        )
        allow_objects(
            summarise.role,
            storage.results,
            storage.key,
            read="batches/*",
            write="batches/*",
            reason="The results of any execution are below its name.",
        )
        log_group = logs.LogGroup(
            self,
            "Log",
            # Below this prefix, the policy that lets services write logs needs no entry for each group.
            log_group_name=f"/aws/vendedlogs/states/{name}",
            retention=RETENTION[environment.inference.log_retention_days],
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        role = self._role(name, [classify.function, summarise.function])
        steps = definition(
            environment.batch,
            data_bucket=storage.data.bucket_name,
            results_bucket=storage.results.bucket_name,
            classify_arn=classify.function.function_arn,
            summarise_arn=summarise.function.function_arn,
        )
        self.state_machine = sfn.CfnStateMachine(
            self,
            "StateMachine",
            state_machine_name=name,
            definition_string=self.to_json_string(steps),
            role_arn=role.role_arn,
            tracing_configuration=sfn.CfnStateMachine.TracingConfigurationProperty(enabled=True),
            logging_configuration=sfn.CfnStateMachine.LoggingConfigurationProperty(
                level="ALL",
                # Keys of images may hold what a laboratory calls a patient by.
                include_execution_data=False,
                destinations=[
                    sfn.CfnStateMachine.LogDestinationProperty(
                        cloud_watch_logs_log_group=sfn.CfnStateMachine.CloudWatchLogsLogGroupProperty(
                            log_group_arn=log_group.log_group_arn
                        )
                    )
                ],
            ),
        )
        # Creating it checks that its role may do all of this.
        self.state_machine.node.add_dependency(role)
        self._operators(name)
        cdk.CfnOutput(self, Output.STATE_MACHINE_ARN, value=self.state_machine.ref)

    def _role(self, name: str, functions: list[lambda_.IFunction]) -> iam.Role:
        storage = self._storage
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("states.amazonaws.com"),
            description=f"What {name} may do",
        )
        for function in functions:
            allow(role, ["lambda:InvokeFunction"], function.function_arn)
        allow(role, ["s3:ListBucket"], storage.data.bucket_arn)
        allow_objects(
            role,
            storage.results,
            storage.key,
            write="batches/*",
            in_parts=True,
            reason="The results of any execution are below its name.",
        )
        allow(role, ["states:StartExecution"], self._arn("stateMachine", name))
        allow(
            role,
            ["states:DescribeExecution", "states:StopExecution"],
            self._arn("execution", f"{name}:*"),
            reason="A Distributed Map follows and ends its own executions, whose names Step Functions makes.",
        )
        allow(
            role,
            ["states:RedriveExecution"],
            self._arn("execution", f"{name}/{LABEL}:*"),
            reason="A Distributed Map starts failed children again, whose names Step Functions makes.",
        )
        allow(
            role,
            [*_LOG_DELIVERY, *_TRACES],
            "*",
            reason="CloudWatch's log delivery and X-Ray know no resource to name in a policy.",
        )
        return role

    def _operators(self, name: str) -> None:
        """Make the policy of people and programs that start batches, follow them and read what they answered."""
        results = self._storage.results
        allowed = {
            self._arn("stateMachine", name): [
                "states:StartExecution",
                "states:ListExecutions",
                "states:DescribeStateMachine",
            ],
            self._arn("execution", f"{name}:*"): [
                "states:DescribeExecution",
                "states:StopExecution",
                "states:ListMapRuns",
            ],
            self._arn("mapRun", f"{name}/{LABEL}:*"): ["states:DescribeMapRun"],
            # Names of fields, not the fields: whether a prefix holds any, and which of them got no answer.
            self._storage.data.bucket_arn: ["s3:ListBucket"],
            results.bucket_arn: ["s3:ListBucket"],
            results.arn_for_objects("batches/*"): ["s3:GetObject"],
            self._storage.key.key_arn: ["kms:Decrypt"],
        }
        policy = iam.ManagedPolicy(
            self,
            "Operators",
            managed_policy_name=account_wide(f"{name}-operator", self),
            description="Start batches, follow them, read their results",
            statements=[
                iam.PolicyStatement(actions=actions, resources=[resource]) for resource, actions in allowed.items()
            ],
        )
        reason = "Executions and their results are named when they start."
        acknowledge_objects(policy, results, "batches/*", reason)
        for resource in (self._arn("execution", f"{name}:*"), self._arn("mapRun", f"{name}/{LABEL}:*")):
            acknowledge_pattern(policy, resource, reason)
        cdk.CfnOutput(self, Output.OPERATOR_POLICY_ARN, value=policy.managed_policy_arn)

    def _arn(self, kind: str, name: str) -> str:
        return f"arn:{self.partition}:states:{self.region}:{self.account}:{kind}:{name}"
