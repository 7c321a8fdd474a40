"""The function, what it may do, and who may call which route."""

import json

import pytest


@pytest.fixture(scope="module")
def routes(dev):
    return {route["RouteKey"]: route for route in dev["Inference"].properties("AWS::ApiGatewayV2::Route")}


def test_every_route_of_the_service_is_deployed(routes):
    from api.openapi import ALL_ROUTES

    assert set(routes) == {f"{route.method} {route.path}" for route in ALL_ROUTES}


@pytest.mark.parametrize(
    ("route", "scope"),
    [
        ("POST /v1/predictions", "smears/predict"),
        ("POST /v1/uploads", "smears/predict"),
        ("POST /v1/reports", "smears/predict"),
        ("GET /v1/model", "smears/predict"),
        ("GET /v1/models", "smears/predict"),
        ("POST /v1/feedback", "smears/feedback"),
    ],
)
def test_a_route_asks_for_its_scope(routes, route, scope):
    assert routes[route]["AuthorizationType"] == "JWT"
    assert routes[route]["AuthorizationScopes"] == [scope]


@pytest.mark.parametrize("route", ["GET /v1/health", "GET /openapi.json"])
def test_open_routes_hold_no_data(routes, route):
    assert routes[route]["AuthorizationType"] == "NONE"


def test_tokens_are_checked_against_both_clients_of_the_pool(dev):
    (authorizer,) = dev["Inference"].properties("AWS::ApiGatewayV2::Authorizer")
    assert len(authorizer["JwtConfiguration"]["Audience"]) == 2
    assert "cognito-idp.eu-central-1" in json.dumps(authorizer["JwtConfiguration"]["Issuer"])


def test_the_stage_throttles_and_logs_no_token(dev):
    (stage,) = dev["Inference"].properties("AWS::ApiGatewayV2::Stage")
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == 20
    assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"] == 40
    logged = stage["AccessLogSettings"]["Format"]
    assert "$context.requestId" in logged
    assert "header" not in logged.lower()


def test_only_the_page_may_call_from_a_browser(dev, prod):
    (api,) = dev["Inference"].properties("AWS::ApiGatewayV2::Api")
    assert api["CorsConfiguration"]["AllowOrigins"] == ["http://localhost:8501"]
    (api,) = prod["Inference"].properties("AWS::ApiGatewayV2::Api")
    assert "CorsConfiguration" not in api


def test_no_role_allows_a_wildcard_action(dev, prod):
    for template in (*dev.values(), *prod.values()):
        for policy in (*template.properties("AWS::IAM::Policy"), *template.properties("AWS::IAM::ManagedPolicy")):
            for statement in policy["PolicyDocument"]["Statement"]:
                actions = statement["Action"]
                for action in [actions] if isinstance(actions, str) else actions:
                    assert "*" not in action, statement


def test_the_function_runs_the_http_entry_point_with_the_environments_size(prod):
    (function,) = prod["Inference"].properties("AWS::Lambda::Function")
    assert function["PackageType"] == "Image"
    assert function["ImageConfig"]["Command"] == ["handler.handler"]
    assert function["MemorySize"] == 3538
    assert function["ReservedConcurrentExecutions"] == 100
    assert function["Timeout"] < 30


def test_settings_are_those_that_the_function_knows(dev):
    from settings import load_settings

    (function,) = dev["Inference"].properties("AWS::Lambda::Function")
    variables = dict.fromkeys(function["Environment"]["Variables"], "x")
    load_settings(variables | {"AWS_LAMBDA_FUNCTION_NAME": "f"})
