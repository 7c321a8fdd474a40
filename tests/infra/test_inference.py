"""The function, what it may do, and who may call which route."""

import json

import pytest

from inference.card import folder_digest
from infra.config import Model
from infra.environments import load_environment
from infra.image import Published
from infra.model import DEFAULT


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


def _named(templates, name):
    (found,) = [
        one for one in templates["Inference"].properties("AWS::Lambda::Function") if one["FunctionName"] == name
    ]
    return found


def test_the_function_runs_the_http_entry_point_with_the_environments_size(prod):
    function = _named(prod, "leukolens-prod-predict")
    assert function["PackageType"] == "Image"
    assert function["ImageConfig"]["Command"] == ["handler.handler"]
    assert function["MemorySize"] == 3538
    assert function["ReservedConcurrentExecutions"] == 100
    assert function["Timeout"] < 30


def test_settings_are_those_that_the_function_knows(dev):
    from settings import load_settings

    for name in ("predict", "erase"):
        variables = _named(dev, f"leukolens-dev-{name}")["Environment"]["Variables"]
        given = {key: value if isinstance(value, str) else "x" for key, value in variables.items()}
        load_settings(given | {"AWS_LAMBDA_FUNCTION_NAME": "f"})


@pytest.mark.parametrize("promoted", [None, Model(uri="s3://smears-models/models/1.1.0", sha256="d" * 64)])
def test_a_function_that_loads_the_model_is_told_its_digest(synthesise, promoted):
    environment = load_environment("dev").model_copy(update={"model": promoted})
    image = Published("111111111111", "eu-central-1", "leukolens", f"sha256:{'a' * 64}")
    templates = synthesise(environment, image, image)
    told = {
        one["FunctionName"]: one["Environment"]["Variables"].get("LEUKOLENS_MODEL_SHA256")
        for name in ("Inference", "Batch")
        for one in templates[name].properties("AWS::Lambda::Function")
        if "FunctionName" in one
    }
    wanted = promoted.sha256 if promoted else folder_digest(DEFAULT)
    assert {name.rpartition("-")[2]: digest for name, digest in told.items()} == {
        "predict": wanted,
        "batch": wanted,
        "summary": None,
        "erase": None,
    }
