"""The page: one instance of its image on App Runner or on ECS Express."""

from urllib.parse import urlsplit

import aws_cdk as cdk
from aws_cdk import aws_apprunner as apprunner
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecr_assets as assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.config import Environment
from infra.constructs.alarm import alarm, alarm_topic
from infra.constructs.image_function import RETENTION, repository_arn
from infra.constructs.nag import acknowledge
from infra.constructs.permissions import allow
from infra.constructs.scopes import scope_name
from infra.image import Image, Published
from infra.stack import Output
from infra.stacks.base import EnvironmentStack
from infra.stacks.identity import IdentityStack
from infra.stacks.inference import InferenceStack

PORT = 8501
_HEALTH = "/_stcore/health"
_PULL = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
# Sessions over long polling, and uploads, live in one process (DESIGN.md, decision 5).
_INSTANCES = 1


class FrontendStack(EnvironmentStack):
    """The service that runs the page.

    It has no token of its own: people sign in, and their token goes to the API. The service's address is known only
    once it is there, so it is deployed twice: put the output ``PageUrl`` into ``page.urls``, and deploy again.
    """

    def __init__(
        self,
        app: Construct,
        environment: Environment,
        *,
        image: Image,
        identity: IdentityStack,
        inference: InferenceStack,
    ) -> None:
        super().__init__(app, environment, "Frontend", "the page")
        self._environment = environment
        self._name = f"leukolens-{environment.name}-page"
        self._identity = identity
        self._image_uri, self._repository_arn = self._find(image)
        self._variables = {"LEUKOLENS_API_URL": inference.api.url, **self._sign_in()}
        url = self._on_app_runner() if environment.frontend.host == "apprunner" else self._on_ecs()
        cdk.CfnOutput(self, Output.PAGE_URL, value=url)

    def _find(self, image: Image) -> tuple[str, str]:
        """Give the image's address and its repository's ARN: of one that is published, or of one built here."""
        if isinstance(image, Published):
            return image.uri, repository_arn(image)
        built = assets.DockerImageAsset(
            self, "Image", directory=str(image), file="frontend/Dockerfile", platform=assets.Platform.LINUX_AMD64
        )
        return built.image_uri, built.repository.repository_arn

    @property
    def _secrets(self) -> dict[str, secretsmanager.Secret]:
        return self._identity.page_secrets if self._address else {}

    @property
    def _address(self) -> str | None:
        """Where people open this service: the first address that is not somebody's own machine."""
        urls = self._environment.page.urls
        return next((url for url in urls if urlsplit(url).hostname not in {"localhost", "127.0.0.1"}), None)

    def _sign_in(self) -> dict[str, str]:
        identity = self._identity
        if identity.people is None or self._address is None:
            return {}
        issuer = f"https://cognito-idp.{self.region}.amazonaws.com/{identity.pool.user_pool_id}"
        return {
            "LEUKOLENS_OIDC_METADATA_URL": f"{issuer}/.well-known/openid-configuration",
            "LEUKOLENS_OIDC_CLIENT_ID": identity.people.user_pool_client_id,
            "LEUKOLENS_OIDC_REDIRECT_URI": f"{self._address}/oauth2callback",
            "LEUKOLENS_OIDC_SCOPE": f"openid email profile {scope_name('predict')} {scope_name('feedback')}",
        }

    def _on_app_runner(self) -> str:
        settings = self._environment.frontend
        pull = self._role("Access", "build.apprunner.amazonaws.com", "Pulls the page's image")
        self._allow_pull(pull)
        instance = self._role("Instance", "tasks.apprunner.amazonaws.com", "What the page may do")
        self._allow_secrets(instance)
        scaling = apprunner.CfnAutoScalingConfiguration(
            self, "One", auto_scaling_configuration_name=self._name, min_size=_INSTANCES, max_size=_INSTANCES
        )
        service = apprunner.CfnService(
            self,
            "AppRunner",
            service_name=self._name,
            auto_scaling_configuration_arn=scaling.attr_auto_scaling_configuration_arn,
            health_check_configuration=apprunner.CfnService.HealthCheckConfigurationProperty(
                protocol="HTTP", path=_HEALTH, interval=10, timeout=5
            ),
            instance_configuration=apprunner.CfnService.InstanceConfigurationProperty(
                cpu=str(settings.cpu), memory=str(settings.memory_mb), instance_role_arn=instance.role_arn
            ),
            source_configuration=apprunner.CfnService.SourceConfigurationProperty(
                auto_deployments_enabled=False,
                authentication_configuration=apprunner.CfnService.AuthenticationConfigurationProperty(
                    access_role_arn=pull.role_arn
                ),
                image_repository=apprunner.CfnService.ImageRepositoryProperty(
                    image_identifier=self._image_uri,
                    image_repository_type="ECR",
                    image_configuration=apprunner.CfnService.ImageConfigurationProperty(
                        port=str(PORT),
                        runtime_environment_variables=[
                            apprunner.CfnService.KeyValuePairProperty(name=name, value=value)
                            # App Runner passes no WebSocket upgrade.
                            for name, value in {**self._variables, "LEUKOLENS_TRANSPORT": "polling"}.items()
                        ],
                        runtime_environment_secrets=[
                            apprunner.CfnService.KeyValuePairProperty(name=name, value=secret.secret_arn)
                            for name, secret in self._secrets.items()
                        ],
                    ),
                ),
            ),
        )
        for role in (pull, instance):
            service.node.add_dependency(role)
        self._watch(service)
        return f"https://{service.attr_service_url}"

    def _watch(self, service: apprunner.CfnService) -> None:
        """Wake somebody when the page fails; ECS Express makes alarms of its own."""
        failures = cloudwatch.Metric(
            namespace="AWS/AppRunner",
            metric_name="5xxStatusResponses",
            dimensions_map={"ServiceName": self._name, "ServiceID": service.attr_service_id},
            statistic="Sum",
            period=cdk.Duration.minutes(5),
        )
        alarm(
            self,
            "PageErrors",
            failures,
            above=self._environment.monitoring.server_errors,
            meaning="Requests to the page end in 5xx",
            topic=alarm_topic(self, self._environment),
        )

    def _on_ecs(self) -> str:
        settings, express = self._environment.frontend, ecs.CfnExpressGatewayService
        log_group = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/ecs/{self._name}",
            retention=RETENTION[self._environment.inference.log_retention_days],
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        execution = self._role("Execution", "ecs-tasks.amazonaws.com", "Starts the page's task")
        self._allow_pull(execution)
        self._allow_secrets(execution)
        log_group.grant_write(execution)
        managed = "service-role/AmazonECSInfrastructureRoleforExpressGatewayServices"
        infrastructure = self._role("Infrastructure", "ecs.amazonaws.com", "Makes the page's load balancer")
        infrastructure.add_managed_policy(iam.ManagedPolicy.from_aws_managed_policy_name(managed))
        acknowledge(
            infrastructure,
            f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{managed}]",
            "The service makes load balancer, certificate and alarms by this policy, which AWS keeps in step with it.",
        )
        service = express(
            self,
            "Express",
            service_name=self._name,
            cpu=str(settings.cpu),
            memory=str(settings.memory_mb),
            execution_role_arn=execution.role_arn,
            infrastructure_role_arn=infrastructure.role_arn,
            health_check_path=_HEALTH,
            scaling_target=express.ExpressGatewayScalingTargetProperty(
                min_task_count=_INSTANCES, max_task_count=_INSTANCES
            ),
            primary_container=express.ExpressGatewayContainerProperty(
                image=self._image_uri,
                container_port=PORT,
                aws_logs_configuration=express.ExpressGatewayServiceAwsLogsConfigurationProperty(
                    log_group=log_group.log_group_name, log_stream_prefix="page"
                ),
                environment=[
                    express.KeyValuePairProperty(name=name, value=value)
                    for name, value in {**self._variables, "LEUKOLENS_TRANSPORT": "auto"}.items()
                ],
                secrets=[
                    express.SecretProperty(name=name, value_from=secret.secret_arn)
                    for name, secret in self._secrets.items()
                ],
            ),
        )
        for role in (execution, infrastructure):
            service.node.add_dependency(role)
        return service.attr_endpoint

    def _role(self, construct_id: str, service: str, description: str) -> iam.Role:
        return iam.Role(self, construct_id, assumed_by=iam.ServicePrincipal(service), description=description)

    def _allow_pull(self, role: iam.Role) -> None:
        allow(role, _PULL, self._repository_arn)
        allow(role, ["ecr:GetAuthorizationToken"], "*", reason="A login to ECR is for the registry as a whole.")

    def _allow_secrets(self, role: iam.Role) -> None:
        for secret in self._secrets.values():
            allow(role, ["secretsmanager:GetSecretValue"], secret.secret_arn)
