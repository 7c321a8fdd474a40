"""The page runs as one instance, with its secrets from the vault and no token of its own."""

import json

import pytest

from infra.environments import load_environment
from infra.image import Published

URL = "https://page.example.org"


def _opened(host):
    """Give dev after the second deploy, which names the page's address beside a developer's own machine."""
    environment = load_environment("dev")
    return environment.model_copy(
        update={
            "frontend": environment.frontend.model_copy(update={"host": host}),
            "page": environment.page.model_copy(update={"urls": ("http://localhost:8501", URL)}),
        }
    )


@pytest.fixture(scope="module")
def page(synthesise):
    return synthesise(_opened("apprunner"))


@pytest.fixture(scope="module")
def apprunner(page):
    (service,) = page["Frontend"].properties("AWS::AppRunner::Service")
    return service


@pytest.fixture(scope="module")
def express_template(synthesise):
    return synthesise(_opened("ecs-express"))["Frontend"]


def _variables(service):
    configuration = service["SourceConfiguration"]["ImageRepository"]["ImageConfiguration"]
    named = {pair["Name"]: pair["Value"] for pair in configuration["RuntimeEnvironmentVariables"]}
    secrets = {pair["Name"]: pair["Value"] for pair in configuration["RuntimeEnvironmentSecrets"]}
    return named, secrets


def _roles(template, service, principal):
    """Give what each role that a service principal may take is allowed: its actions and their resources."""
    allowed = {}
    for name, role in template.resources("AWS::IAM::Role").items():
        if principal not in json.dumps(role["Properties"]["AssumeRolePolicyDocument"]):
            continue
        assert {"Fn::GetAtt": [name, "Arn"]} in _values(service)
        allowed[name] = [
            (action, json.dumps(resource))
            for policy in template.properties("AWS::IAM::Policy")
            if {"Ref": name} in policy["Roles"]
            for statement in policy["PolicyDocument"]["Statement"]
            for action in _listed(statement["Action"])
            for resource in _listed(statement["Resource"])
        ]
    (found,) = allowed.values()
    return found


def _listed(value):
    return value if isinstance(value, list) else [value]


def _values(value):
    """Give every object that a template's value is made of."""
    nested = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return [value, *(found for one in nested for found in _values(one))]


PULL = {
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
    "ecr:GetAuthorizationToken",
}


def test_app_runner_has_one_instance_and_speaks_by_polling(page, apprunner):
    ((name, scaling),) = page["Frontend"].resources("AWS::AppRunner::AutoScalingConfiguration").items()
    assert (scaling["Properties"]["MinSize"], scaling["Properties"]["MaxSize"]) == (1, 1)
    assert apprunner["AutoScalingConfigurationArn"] == {"Fn::GetAtt": [name, "AutoScalingConfigurationArn"]}
    assert _variables(apprunner)[0]["LEUKOLENS_TRANSPORT"] == "polling"


def test_app_runner_takes_the_image_from_ecr_and_asks_for_its_health(apprunner):
    assert apprunner["SourceConfiguration"]["ImageRepository"]["ImageRepositoryType"] == "ECR"
    health = apprunner["HealthCheckConfiguration"]
    assert (health["Protocol"], health["Path"]) == ("HTTP", "/_stcore/health")


def test_the_instance_may_read_its_secrets_and_nothing_else(page, apprunner):
    allowed = _roles(page["Frontend"], apprunner, "tasks.apprunner.amazonaws.com")
    assert {action for action, _ in allowed} == {"secretsmanager:GetSecretValue"}
    assert {resource for _, resource in allowed} == {json.dumps(arn) for arn in _variables(apprunner)[1].values()}


def test_who_fetches_the_image_may_do_nothing_else(page, apprunner):
    allowed = _roles(page["Frontend"], apprunner, "build.apprunner.amazonaws.com")
    assert {action for action, _ in allowed} == PULL
    assert {action for action, resource in allowed if resource == '"*"'} == {"ecr:GetAuthorizationToken"}


def test_somebody_hears_of_a_page_that_fails(page, apprunner):
    (alarm,) = page["Frontend"].properties("AWS::CloudWatch::Alarm")
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/AppRunner", "5xxStatusResponses")
    watched = {one["Name"]: one["Value"] for one in alarm["Dimensions"]}
    assert watched["ServiceName"] == apprunner["ServiceName"]
    assert "ServiceId" in json.dumps(watched["ServiceID"])
    assert alarm["AlarmActions"] == alarm["OKActions"] != []


def test_the_page_is_given_what_its_settings_know(apprunner):
    from frontend.settings import read

    named, secrets = _variables(apprunner)
    settings = read(dict.fromkeys({**named, **secrets}, "https://x.example.org") | {"LEUKOLENS_TRANSPORT": "polling"})
    assert settings.signs_in


def test_secrets_are_references_and_only_the_page_reads_them(page, apprunner):
    named, secrets = _variables(apprunner)
    assert set(secrets) == {"LEUKOLENS_OIDC_CLIENT_SECRET", "LEUKOLENS_OIDC_COOKIE_SECRET"}
    assert "ClientSecret" not in json.dumps(named)
    readers = [
        name
        for name, policy in page["Frontend"].resources("AWS::IAM::Policy").items()
        if "secretsmanager:GetSecretValue" in json.dumps(policy)
    ]
    assert len(readers) == 1
    assert readers[0].startswith("Instance")


def test_ecs_express_runs_one_task_of_the_same_image(page, express_template):
    (service,) = express_template.properties("AWS::ECS::ExpressGatewayService")
    assert service["ScalingTarget"] == {"MaxTaskCount": 1, "MinTaskCount": 1}
    container = service["PrimaryContainer"]
    image = page["Frontend"].properties("AWS::AppRunner::Service")[0]["SourceConfiguration"]["ImageRepository"]
    assert container["Image"] == image["ImageIdentifier"]
    assert {"Name": "LEUKOLENS_TRANSPORT", "Value": "auto"} in container["Environment"]


def test_ecs_express_has_two_roles_a_health_check_and_logs(express_template):
    (service,) = express_template.properties("AWS::ECS::ExpressGatewayService")
    allowed = _roles(express_template, service, "ecs-tasks.amazonaws.com")
    assert {action for action, _ in allowed} == PULL | {
        "secretsmanager:GetSecretValue",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    }
    assert _roles(express_template, service, "ecs.amazonaws.com") == []  # it has AWS's own policy alone
    assert service["HealthCheckPath"] == "/_stcore/health"
    (log,) = express_template.resources("AWS::Logs::LogGroup")
    assert service["PrimaryContainer"]["AwsLogsConfiguration"]["LogGroup"] == {"Ref": log}


def test_sign_in_answers_to_the_page_and_not_to_a_developers_machine(apprunner, express_template):
    (service,) = express_template.properties("AWS::ECS::ExpressGatewayService")
    express = {pair["Name"]: pair["Value"] for pair in service["PrimaryContainer"]["Environment"]}
    for named in (_variables(apprunner)[0], express):
        assert named["LEUKOLENS_OIDC_REDIRECT_URI"] == f"{URL}/oauth2callback"


@pytest.mark.parametrize("name", ["dev", "prod"])  # no address at all, and localhost alone
def test_a_page_without_an_address_has_no_sign_in(request, name):
    (service,) = request.getfixturevalue(name)["Frontend"].properties("AWS::AppRunner::Service")
    named, secrets = _variables(service)
    assert set(named) == {"LEUKOLENS_API_URL", "LEUKOLENS_TRANSPORT"}
    assert not secrets


def test_a_published_page_is_what_runs(synthesise):
    published = Published("123456789012", "eu-central-1", "leukolens", f"sha256:{'b' * 64}")
    template = synthesise(_opened("apprunner"), page=published)["Frontend"]
    (service,) = template.properties("AWS::AppRunner::Service")
    assert service["SourceConfiguration"]["ImageRepository"]["ImageIdentifier"] == published.uri
    pulls = _roles(template, service, "build.apprunner.amazonaws.com")
    assert any("123456789012:repository/leukolens" in resource for _, resource in pulls)


def test_the_page_can_be_left_out(synthesise):
    environment = load_environment("dev")
    frontend = environment.frontend.model_copy(update={"host": "none"})
    assert "Frontend" not in synthesise(environment.model_copy(update={"frontend": frontend}))
