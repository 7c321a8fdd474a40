"""What GitHub Actions may do: deploy from one repository's environment, compare from its pull requests."""

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.config import Delivery, Environment
from infra.constructs.permissions import account_wide, allow, allow_objects
from infra.environments import NAMES
from infra.image import REPOSITORY
from infra.stack import Output
from infra.stacks.base import EnvironmentStack
from infra.stacks.storage import StorageStack

_HOST = "token.actions.githubusercontent.com"
_AUDIENCE = "sts.amazonaws.com"
# The kinds of role that `cdk bootstrap` makes and tags.
_DEPLOYS = ("deploy", "file-publishing", "image-publishing", "lookup")
_PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_PUSH = (
    *_PULL,
    "ecr:BatchCheckLayerAvailability",
    "ecr:CompleteLayerUpload",
    "ecr:DescribeImages",
    "ecr:DescribeRepositories",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)
_KEPT_IMAGES = 50


class DeliveryStack(EnvironmentStack):
    """Roles for the workflows, without a stored secret, and the registry of the images.

    Attributes
    ----------
    repository
        Where images are published, in the environment that builds them; else ``None``.
    """

    def __init__(self, app: Construct, environment: Environment, *, settings: Delivery, storage: StorageStack) -> None:
        super().__init__(app, environment, "Delivery", "what GitHub Actions may do")
        self._provider = self._find_provider(settings)
        self.repository = self._images(settings) if settings.builds_image else None
        name = f"leukolens-{environment.name}"
        deploy = self._role("Deploy", f"{name}-deploy", settings.subjects(f"environment:{environment.name}"))
        self._let_deploy(deploy, storage)
        diff = self._role("Diff", f"{name}-diff", settings.subjects("pull_request"))
        self._let_compare(diff, environment)
        cdk.CfnOutput(self, Output.DEPLOY_ROLE_ARN, value=deploy.role_arn)
        cdk.CfnOutput(self, Output.DIFF_ROLE_ARN, value=diff.role_arn)

    def _find_provider(self, settings: Delivery) -> str:
        if settings.creates_provider:
            provider = iam.CfnOIDCProvider(self, "GitHub", url=f"https://{_HOST}", client_id_list=[_AUDIENCE])
            return provider.attr_arn
        return self.format_arn(service="iam", region="", resource="oidc-provider", resource_name=_HOST)

    def _role(self, construct_id: str, name: str, subjects: list[str]) -> iam.Role:
        """Make a role for one kind of job, whatever form of subject its token has."""
        conditions = {"StringEquals": {f"{_HOST}:aud": _AUDIENCE, f"{_HOST}:sub": subjects}}
        return iam.Role(
            self,
            construct_id,
            role_name=account_wide(name, self),
            assumed_by=iam.FederatedPrincipal(self._provider, conditions, "sts:AssumeRoleWithWebIdentity"),
            max_session_duration=cdk.Duration.hours(1),
            description=f"For jobs with {subjects[0]}",
        )

    def _let_deploy(self, role: iam.Role, storage: StorageStack) -> None:
        """Let a job become the bootstrap's roles, publish, and see what an image holds."""
        allow(
            role,
            ["sts:AssumeRole"],
            self.format_arn(service="iam", region="", resource="role", resource_name="cdk-*"),
            reason="The bootstrap's roles, whose names hold its qualifier; their tag narrows it to the kinds needed.",
            conditions={"StringEquals": {"iam:ResourceTag/aws-cdk:bootstrap-role": list(_DEPLOYS)}},
        )
        if self.repository is None:
            allow(
                role,
                ["ecr:BatchGetImage", "ecr:DescribeImages"],
                self.format_arn(service="ecr", account="*", resource="repository", resource_name=REPOSITORY),
                reason="Reads which model an image holds, and the manifest that was signed; the account that builds it "
                "says by its own policy who may.",
            )
            return
        allow_objects(
            role, storage.models, storage.key, read="*", reason="Promotion names the model that goes into the image."
        )
        allow(role, list(_PUSH), self.repository.repository_arn)
        allow(role, ["ecr:GetAuthorizationToken"], "*", reason="A login to ECR is for the registry as a whole.")
        cdk.CfnOutput(self, Output.IMAGE_REPOSITORY_URI, value=self.repository.repository_uri)

    def _let_compare(self, role: iam.Role, environment: Environment) -> None:
        """Let a pull request read the templates of this environment's stacks, and nothing else of the account.

        Not by the bootstrap's lookup role: AWS's ReadOnlyAccess, which that has, reads the secrets of Cognito's
        clients. The CLI goes on with a job's own role where it may not become that one.
        """
        allow(
            role,
            ["cloudformation:DescribeStacks", "cloudformation:GetTemplate"],
            self.format_arn(
                service="cloudformation", resource="stack", resource_name=f"Leukolens-{environment.title}-*"
            ),
            reason="Compares this environment's stacks, whose ids CloudFormation makes.",
        )

    def _images(self, settings: Delivery) -> ecr.Repository:
        repository = ecr.Repository(
            self,
            "Images",
            repository_name=REPOSITORY,
            image_scan_on_push=True,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            encryption=ecr.RepositoryEncryption.KMS,
            removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
            lifecycle_rules=_lifecycle(),
        )
        here = self.account
        # Lambda pulls by itself when it starts a function: of this account, and of those that are let in.
        functions = [
            f"arn:{self.partition}:lambda:{self.region}:{account}:function:leukolens-*"
            for account in (here, *settings.pull_accounts)
        ]
        repository.add_to_resource_policy(
            iam.PolicyStatement(
                sid="Functions",
                principals=[iam.ServicePrincipal("lambda.amazonaws.com")],
                actions=list(_PULL),
                conditions={"StringLike": {"aws:sourceArn": functions}},
            )
        )
        if settings.pull_accounts:
            repository.add_to_resource_policy(
                iam.PolicyStatement(
                    sid="OtherEnvironments",
                    principals=[iam.AccountPrincipal(account) for account in settings.pull_accounts],
                    # The page's service pulls by a role of its account, and a deploy asks which model is in an image.
                    actions=[*_PULL, "ecr:BatchCheckLayerAvailability", "ecr:DescribeImages"],
                )
            )
        return repository


def _lifecycle() -> list[ecr.LifecycleRule]:
    """Keep what each environment ran, whatever is published meanwhile.

    An image that an earlier rule covers is out of reach of the later ones: fifty merges delete no image of production.
    """
    ran = [
        ecr.LifecycleRule(
            rule_priority=number,
            tag_status=ecr.TagStatus.TAGGED,
            tag_pattern_list=[f"{name}-*"],
            max_image_count=_KEPT_IMAGES,
            description=f"the last that {name} ran",
        )
        for number, name in enumerate(reversed(NAMES), 1)
    ]
    rest = ecr.LifecycleRule(
        rule_priority=len(ran) + 1,
        tag_status=ecr.TagStatus.ANY,
        max_image_count=_KEPT_IMAGES,
        description="the last that were published",
    )
    return [*ran, rest]
