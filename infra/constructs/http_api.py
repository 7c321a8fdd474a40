"""The HTTP API: who may call which route, how often, and what is written of each call."""

import json

import aws_cdk as cdk
import jsii
from aws_cdk import aws_apigateway as apigw_v1
from aws_cdk import aws_apigatewayv2 as apigw
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.config import Environment
from infra.constructs.image_function import RETENTION
from infra.constructs.nag import acknowledge
from infra.constructs.scopes import scope_name
from infra.stack import Output

# Each route and the scope that its token must carry; None lets anyone in.
ROUTES: dict[tuple[apigw.HttpMethod, str], str | None] = {
    (apigw.HttpMethod.POST, "/v1/predictions"): "predict",
    (apigw.HttpMethod.POST, "/v1/uploads"): "predict",
    (apigw.HttpMethod.POST, "/v1/reports"): "predict",
    (apigw.HttpMethod.GET, "/v1/model"): "predict",
    (apigw.HttpMethod.GET, "/v1/models"): "predict",
    (apigw.HttpMethod.POST, "/v1/feedback"): "feedback",
    (apigw.HttpMethod.GET, "/v1/health"): None,
    (apigw.HttpMethod.GET, "/openapi.json"): None,
}
# What the access log holds of a call: no header, no query and no body, so neither a token nor an image.
_LOGGED = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "route": "$context.routeKey",
    "status": "$context.status",
    "responseBytes": "$context.responseLength",
    "latencyMs": "$context.responseLatency",
    "integrationError": "$context.integrationErrorMessage",
    "authorizerError": "$context.authorizer.error",
    "client": "$context.authorizer.claims.client_id",
    "sourceIp": "$context.identity.sourceIp",
}


class Api(Construct):
    """An HTTP API whose routes call one function.

    Attributes
    ----------
    http_api
        The API.
    url
        Where it answers.
    stage
        Its only stage, ``$default``: the path begins with ``/v1``.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        function: lambda_.IFunction,
        pool: cognito.IUserPool,
        clients: list[cognito.IUserPoolClient],
    ) -> None:
        super().__init__(scope, construct_id)
        domain = self._domain(environment)
        self.http_api = apigw.HttpApi(
            self,
            "HttpApi",
            api_name=f"leukolens-{environment.name}",
            description="Classifies smear fields. Research use only.",
            create_default_stage=False,
            cors_preflight=_cors(environment.page.urls),
            # With a name of one's own, the other address would go round whatever stands before the name.
            disable_execute_api_endpoint=domain is not None,
        )
        log_group = logs.LogGroup(
            self,
            "AccessLog",
            retention=RETENTION[environment.inference.log_retention_days],
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        self.stage = apigw.HttpStage(
            self,
            "Stage",
            http_api=self.http_api,
            stage_name="$default",
            auto_deploy=True,
            detailed_metrics_enabled=True,
            throttle=apigw.ThrottleSettings(
                rate_limit=environment.api.requests_per_second, burst_limit=environment.api.burst
            ),
            access_log_settings=_AccessLog(log_group),
            domain_mapping=apigw.DomainMappingOptions(domain_name=domain) if domain else None,
        )
        # The name as it is written, and not as an attribute of a resource: other stacks then refer to nothing.
        settings = environment.api.domain
        self.url = f"https://{settings.name}" if settings else self.http_api.api_endpoint
        integration = integrations.HttpLambdaIntegration("Function", function)
        authorizer = authorizers.HttpUserPoolAuthorizer("Tokens", pool, user_pool_clients=clients)
        for (method, path), scope_needed in ROUTES.items():
            routes = self.http_api.add_routes(
                path=path,
                methods=[method],
                integration=integration,
                authorizer=authorizer if scope_needed else apigw.HttpNoneAuthorizer(),
                authorization_scopes=[scope_name(scope_needed)] if scope_needed else None,
            )
            if not scope_needed:
                for route in routes:
                    acknowledge(
                        route, "AwsSolutions-APIG4", "Says that the service lives and what it takes; holds no data."
                    )

    def _domain(self, environment: Environment) -> apigw.DomainName | None:
        settings = environment.api.domain
        if settings is None:
            return None
        domain = apigw.DomainName(
            self,
            "Domain",
            domain_name=settings.name,
            certificate=acm.Certificate.from_certificate_arn(self, "Certificate", settings.certificate_arn),
            security_policy=apigw.SecurityPolicy.TLS_1_2,
        )
        cdk.CfnOutput(cdk.Stack.of(self), Output.API_DOMAIN_TARGET, value=domain.regional_domain_name)
        return domain


@jsii.implements(apigw.IAccessLogSettings)
class _AccessLog:
    """Where a line is written of each call, and what is in it."""

    def __init__(self, log_group: logs.ILogGroup) -> None:
        self._destination = apigw.LogGroupLogDestination(log_group)

    @property
    def destination(self) -> apigw.IAccessLogDestination:
        return self._destination

    @property
    def format(self) -> apigw_v1.AccessLogFormat:
        return apigw_v1.AccessLogFormat.custom(json.dumps(_LOGGED))


def _cors(page_urls: tuple[str, ...]) -> apigw.CorsPreflightOptions | None:
    if not page_urls:
        return None
    return apigw.CorsPreflightOptions(
        allow_origins=list(page_urls),
        allow_methods=[apigw.CorsHttpMethod.GET, apigw.CorsHttpMethod.POST],
        allow_headers=["authorization", "content-type"],
        max_age=cdk.Duration.hours(1),
    )
