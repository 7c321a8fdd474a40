"""What GitHub Actions may do: deploy from one repository's environment, compare from its pull requests."""

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.config import Delivery, Environment
from infra.constructs.permissions import allow

_HOST = "token.actions.githubusercontent.com"
_AUDIENCE = "sts.amazonaws.com"
# The kinds of role that `cdk bootstrap` makes and tags.
_DEPLOYS = ("deploy", "file-publishing", "image-publishing", "lookup")
_LOOKS_UP = ("lookup",)
_PUSH = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:CompleteLayerUpload",
    "ecr:DescribeImages",
    "ecr:GetDownloadUrlForLayer",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)
_KEPT_IMAGES = 50


class DeliveryStack(cdk.Stack):
    """Roles for the workflows, without a stored secret, and the registry of the image.

    Attributes
    ----------
    repository
        Where the image is published, in the environment that builds it; else ``None``.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, environment: Environment, settings: Delivery, env: cdk.Environment
    ) -> None:
        super().__init__(scope, construct_id, env=env, description="Leukolens: what GitHub Actions may do")
        self._provider = self._find_provider(settings)
        self.repository = self._images(settings) if settings.builds_image else None
        deploy = self._role(
            "Deploy",
            f"leukolens-{environment.name}-deploy",
            f"repo:{settings.repository}:environment:{environment.name}",
            _DEPLOYS,
        )
        allow(
            deploy,
            ["cloudformation:DescribeStacks"],
            self.format_arn(
                service="cloudformation", resource="stack", resource_name=f"Leukolens-{environment.title}-*"
            ),
            reason="Reads the outputs of this environment's stacks, whose ids CloudFormation makes.",
        )
        if self.repository:
            allow(deploy, list(_PUSH), self.repository.repository_arn)
            allow(deploy, ["ecr:GetAuthorizationToken"], "*", reason="A login to ECR is for the registry as a whole.")
            cdk.CfnOutput(self, "ImageRepositoryUri", value=self.repository.repository_uri)
        diff = self._role(
            "Diff", f"leukolens-{environment.name}-diff", f"repo:{settings.repository}:pull_request", _LOOKS_UP
        )
        cdk.CfnOutput(self, "DeployRoleArn", value=deploy.role_arn)
        cdk.CfnOutput(self, "DiffRoleArn", value=diff.role_arn)

    def _find_provider(self, settings: Delivery) -> str:
        if settings.creates_provider:
            provider = iam.CfnOIDCProvider(self, "GitHub", url=f"https://{_HOST}", client_id_list=[_AUDIENCE])
            return provider.attr_arn
        return self.format_arn(service="iam", region="", resource="oidc-provider", resource_name=_HOST)

    def _role(self, construct_id: str, name: str, subject: str, kinds: tuple[str, ...]) -> iam.Role:
        """Make a role for one kind of job, which may only become the bootstrap's roles of the given kinds."""
        conditions = {"StringEquals": {f"{_HOST}:aud": _AUDIENCE, f"{_HOST}:sub": subject}}
        role = iam.Role(
            self,
            construct_id,
            role_name=name,
            assumed_by=iam.FederatedPrincipal(self._provider, conditions, "sts:AssumeRoleWithWebIdentity"),
            max_session_duration=cdk.Duration.hours(1),
            description=f"For jobs with {subject}",
        )
        resource = self.format_arn(service="iam", region="", resource="role", resource_name="cdk-*")
        allow(
            role,
            ["sts:AssumeRole"],
            resource,
            reason="The bootstrap's roles, whose names hold its qualifier; their tag narrows it to the kinds needed.",
            conditions={"StringEquals": {"iam:ResourceTag/aws-cdk:bootstrap-role": list(kinds)}},
        )
        return role

    def _images(self, settings: Delivery) -> ecr.Repository:
        repository = ecr.Repository(
            self,
            "Images",
            repository_name="leukolens",
            image_scan_on_push=True,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            encryption=ecr.RepositoryEncryption.KMS,
            removal_policy=cdk.RemovalPolicy.RETAIN,
            lifecycle_rules=[
                ecr.LifecycleRule(max_image_count=_KEPT_IMAGES, description="keep what a rollback may need")
            ],
        )
        if settings.pull_accounts:
            pull = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
            accounts = [iam.AccountPrincipal(account) for account in settings.pull_accounts]
            repository.add_to_resource_policy(
                iam.PolicyStatement(sid="OtherEnvironments", principals=accounts, actions=pull)
            )
            # Lambda itself pulls, too, when it starts a function of another account.
            functions = [
                f"arn:{self.partition}:lambda:{self.region}:{a}:function:leukolens-*" for a in settings.pull_accounts
            ]
            repository.add_to_resource_policy(
                iam.PolicyStatement(
                    sid="TheirFunctions",
                    principals=[iam.ServicePrincipal("lambda.amazonaws.com")],
                    actions=pull,
                    conditions={"StringLike": {"aws:sourceArn": functions}},
                )
            )
        return repository
