"""A Lambda function that runs the project's image, with a role that allows nothing but its own log."""

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecr_assets as assets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.config import Environment
from infra.constructs.permissions import acknowledge_pattern
from infra.image import DOCKERFILE, Image, Published
from infra.model import model_sha256

_ARCHITECTURES = {
    "x86_64": (lambda_.Architecture.X86_64, assets.Platform.LINUX_AMD64),
    "arm64": (lambda_.Architecture.ARM_64, assets.Platform.LINUX_ARM64),
}
RETENTION = {
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    90: logs.RetentionDays.THREE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
}


def log_and_role(scope: Construct, name: str, retention_days: int) -> tuple[logs.LogGroup, iam.Role]:
    """Make the log of the function of that name, and a role that may write it and nothing else."""
    log_group = logs.LogGroup(
        scope,
        "Log",
        log_group_name=f"/aws/lambda/{name}",
        retention=RETENTION[retention_days],
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
    role = iam.Role(
        scope,
        "Role",
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        description=f"What {name} may do",
    )
    log_group.grant_write(role)
    return log_group, role


class ImageFunction(Construct):
    """One entry point of the image as a function.

    Parameters
    ----------
    log_retention_days
        Of its log; the environment's, if left out.
    model
        Whether it loads the model, and so is told the digest that file and card must have.

    Attributes
    ----------
    function
        The function; its name is fixed, so that its log group can have it.
    role
        What it may do: write its own log, until more is allowed.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        image: Image,
        name: str,
        entry_point: str,
        timeout_s: int,
        variables: dict[str, str] | None = None,
        memory_mb: int | None = None,
        reserved_concurrency: int | None = None,
        log_retention_days: int | None = None,
        model: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        settings = environment.inference
        architecture, platform = _ARCHITECTURES[settings.architecture]
        log_group, self.role = log_and_role(self, name, log_retention_days or settings.log_retention_days)
        self.function = lambda_.DockerImageFunction(
            self,
            "Function",
            function_name=name,
            code=self._code(image, platform, entry_point),
            architecture=architecture,
            memory_size=memory_mb or settings.memory_mb,
            timeout=cdk.Duration.seconds(timeout_s),
            reserved_concurrent_executions=reserved_concurrency,
            role=self.role,
            log_group=log_group,
            # docs/decisions/012: the platform traces; the service imports no X-Ray SDK.
            tracing=lambda_.Tracing.ACTIVE,
            environment={
                "POWERTOOLS_SERVICE_NAME": name,
                "POWERTOOLS_LOG_LEVEL": settings.log_level,
                # A model that is not the environment's is refused when it is loaded: every answer is a 503.
                **({"LEUKOLENS_MODEL_SHA256": model_sha256(environment.model)} if model else {}),
                **(variables or {}),
            },
        )

        acknowledge_pattern(self.role, "*", "X-Ray's PutTraceSegments and PutTelemetryRecords know no resources.")

    def _code(self, image: Image, platform: assets.Platform, entry_point: str) -> lambda_.DockerImageCode:
        if not isinstance(image, Published):
            return lambda_.DockerImageCode.from_image_asset(
                str(image), file=DOCKERFILE, platform=platform, cmd=[entry_point]
            )
        repository = ecr.Repository.from_repository_attributes(
            self, "Image", repository_arn=repository_arn(image), repository_name=image.repository
        )
        return lambda_.DockerImageCode.from_ecr(repository, tag_or_digest=image.digest, cmd=[entry_point])


def repository_arn(image: Published) -> str:
    """Name the repository of a published image in a policy."""
    return f"arn:{cdk.Aws.PARTITION}:ecr:{image.region}:{image.account}:repository/{image.repository}"
