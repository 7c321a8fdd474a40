"""A scheduled function that sends a field through the deployed API, and the alarms on what it finds."""

import shutil
import tempfile
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra.config import Environment
from infra.constructs.alarm import alarm
from infra.constructs.image_function import log_and_role
from infra.constructs.permissions import allow, allow_objects
from infra.constructs.scopes import scope_name
from infra.image import ROOT

CODE = ROOT / "infra" / "canary" / "handler.py"
SAMPLE = ROOT / "samples" / "synthetic_pre_01.png"
_MEMORY_MB = 256
_TIMEOUT_S = 90  # a token, and a prediction tried twice
# So many runs in a row may stay out before somebody is told.
_SILENT_RUNS = 3


class SyntheticCanary(Construct):
    """The function ``leukolens-<environment>-canary``, which a rule starts every few minutes.

    Of CloudWatch Synthetics' canaries each run costs 0.0012 US dollars (10 a month for one every five minutes), and
    it brings a browser; this one costs cents, and most of that are its tokens.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        pool: cognito.IUserPool,
        client: cognito.IUserPoolClient,
        token_url: str,
        models: s3.Bucket,
        key: kms.IKey,
        api_url: str,
        topic: sns.ITopic,
    ) -> None:
        super().__init__(scope, construct_id)
        name = f"leukolens-{environment.name}-canary"
        log_group, role = log_and_role(self, name, environment.inference.log_retention_days)
        allow(role, ["cognito-idp:DescribeUserPoolClient"], pool.user_pool_arn)
        files = "canary/*"
        reason = "First answers are named by their model and field."
        allow_objects(role, models, key, read=files, write=files, reason=reason)
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=name,
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=lambda_.Architecture.ARM_64,
            handler="handler.handler",
            code=lambda_.Code.from_asset(_stage()),
            memory_size=_MEMORY_MB,
            timeout=cdk.Duration.seconds(_TIMEOUT_S),
            # Lambda's own second try would hide a first that failed.
            retry_attempts=0,
            role=role,
            log_group=log_group,
            environment={
                "API_URL": api_url,
                "TOKEN_URL": token_url,
                "USER_POOL_ID": pool.user_pool_id,
                "CLIENT_ID": client.user_pool_client_id,
                "SCOPE": scope_name("predict"),
                "BUCKET": models.bucket_name,
            },
        )
        minutes = environment.monitoring.canary_minutes
        every = cdk.Duration.minutes(minutes)
        events.Rule(
            self,
            "Schedule",
            description=f"Starts {name}",
            schedule=events.Schedule.rate(every),
            targets=[targets.LambdaFunction(self.function, retry_attempts=0)],
        )
        alarm(
            cdk.Stack.of(self),
            "CanaryFailed",
            self._metric("Errors", every),
            above=0,
            meaning="A field sent through the API got no answer, or another than before",
            topic=topic,
        )
        alarm(
            cdk.Stack.of(self),
            "CanarySilent",
            self._metric("Invocations", cdk.Duration.minutes(minutes * _SILENT_RUNS)),
            below=1,
            meaning=f"The canary has not run for {minutes * _SILENT_RUNS} minutes",
            topic=topic,
            silence_is_trouble=True,
        )

    def _metric(self, name: str, period: cdk.Duration) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/Lambda",
            metric_name=name,
            dimensions_map={"FunctionName": self.function.function_name},
            statistic="Sum",
            period=period,
        )


def _stage() -> str:
    """Lay out the archive: the handler, and the drawn field beside it."""
    folder = Path(tempfile.mkdtemp(prefix="leukolens-canary-"))
    shutil.copy(CODE, folder / "handler.py")
    shutil.copy(SAMPLE, folder / "field.png")
    return str(folder)
