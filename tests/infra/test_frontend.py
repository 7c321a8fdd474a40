"""The page runs as one instance, with its secrets from the vault and no token of its own."""

import json

import pytest

from infra.environments import load_environment


@pytest.fixture(scope="module")
def apprunner(dev):
    (service,) = dev["Frontend"].properties("AWS::AppRunner::Service")
    return service


@pytest.fixture(scope="module")
def express_template(synthesise):
    environment = load_environment("dev")
    frontend = environment.frontend.model_copy(update={"host": "ecs-express"})
    return synthesise(environment.model_copy(update={"frontend": frontend}))["Frontend"]


def _variables(service):
    configuration = service["SourceConfiguration"]["ImageRepository"]["ImageConfiguration"]
    named = {pair["Name"]: pair["Value"] for pair in configuration["RuntimeEnvironmentVariables"]}
    secrets = {pair["Name"]: pair["Value"] for pair in configuration["RuntimeEnvironmentSecrets"]}
    return named, secrets


def test_app_runner_has_one_instance_and_speaks_by_polling(dev, apprunner):
    (scaling,) = dev["Frontend"].properties("AWS::AppRunner::AutoScalingConfiguration")
    assert (scaling["MinSize"], scaling["MaxSize"]) == (1, 1)
    assert _variables(apprunner)[0]["LEUKOLENS_TRANSPORT"] == "polling"
    assert apprunner["HealthCheckConfiguration"]["Path"] == "/_stcore/health"


def test_the_page_is_given_what_its_settings_know(apprunner):
    from frontend.settings import read

    named, secrets = _variables(apprunner)
    settings = read(dict.fromkeys({**named, **secrets}, "https://x.example.org") | {"LEUKOLENS_TRANSPORT": "polling"})
    assert settings.signs_in


def test_secrets_are_references_and_only_the_page_reads_them(dev, apprunner):
    named, secrets = _variables(apprunner)
    assert set(secrets) == {"LEUKOLENS_OIDC_CLIENT_SECRET", "LEUKOLENS_OIDC_COOKIE_SECRET"}
    assert "ClientSecret" not in json.dumps(named)
    readers = [
        name
        for name, policy in dev["Frontend"].resources("AWS::IAM::Policy").items()
        if "secretsmanager:GetSecretValue" in json.dumps(policy)
    ]
    assert len(readers) == 1
    assert readers[0].startswith("Instance")


def test_ecs_express_runs_one_task_of_the_same_image(dev, express_template):
    (service,) = express_template.properties("AWS::ECS::ExpressGatewayService")
    assert service["ScalingTarget"] == {"MaxTaskCount": 1, "MinTaskCount": 1}
    container = service["PrimaryContainer"]
    image = dev["Frontend"].properties("AWS::AppRunner::Service")[0]["SourceConfiguration"]["ImageRepository"]
    assert container["Image"] == image["ImageIdentifier"]
    assert {"Name": "LEUKOLENS_TRANSPORT", "Value": "auto"} in container["Environment"]


def test_a_page_without_an_address_has_no_sign_in(prod):
    (service,) = prod["Frontend"].properties("AWS::AppRunner::Service")
    named, secrets = _variables(service)
    assert set(named) == {"LEUKOLENS_API_URL", "LEUKOLENS_TRANSPORT"}
    assert not secrets


def test_the_page_can_be_left_out(synthesise):
    environment = load_environment("dev")
    frontend = environment.frontend.model_copy(update={"host": "none"})
    assert "Frontend" not in synthesise(environment.model_copy(update={"frontend": frontend}))
