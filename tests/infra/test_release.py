"""A new version takes over by a canary that goes back on alarms, where the environment says so."""

from infra.config import Domain
from infra.environments import load_environment


def test_production_shifts_by_canary_and_goes_back_on_alarms(prod):
    (group,) = prod["Inference"].properties("AWS::CodeDeploy::DeploymentGroup")
    assert group["DeploymentConfigName"] == "CodeDeployDefault.LambdaCanary10Percent5Minutes"
    assert group["AutoRollbackConfiguration"]["Enabled"] is True
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    assert len(group["AlarmConfiguration"]["Alarms"]) == 2
    (alias,) = prod["Inference"].resources("AWS::Lambda::Alias").values()
    assert "CodeDeployLambdaAliasUpdate" in alias["UpdatePolicy"]
    assert alias["Properties"]["ProvisionedConcurrencyConfig"] == {"ProvisionedConcurrentExecutions": 2}


def test_its_alarms_watch_the_alias(prod):
    for alarm in prod["Inference"].properties("AWS::CloudWatch::Alarm"):
        assert {dimension["Name"] for dimension in alarm["Dimensions"]} == {"FunctionName", "Resource"}


def test_development_takes_a_version_at_once(dev):
    assert not dev["Inference"].resources("AWS::CodeDeploy::DeploymentGroup")
    (alias,) = dev["Inference"].resources("AWS::Lambda::Alias").values()
    assert "UpdatePolicy" not in alias


def test_the_api_calls_the_alias(prod):
    (alias,) = prod["Inference"].resources("AWS::Lambda::Alias")
    (integration,) = prod["Inference"].properties("AWS::ApiGatewayV2::Integration")
    assert integration["IntegrationUri"] == {"Ref": alias}


def test_a_name_of_ones_own_replaces_the_apis_address(synthesise):
    environment = load_environment("dev")
    arn = "arn:aws:acm:eu-central-1:123456789012:certificate/1"
    domain = Domain(name="api.smears.example.org", certificate_arn=arn)
    api = environment.api.model_copy(update={"domain": domain})
    template = synthesise(environment.model_copy(update={"api": api}))["Inference"]
    (name,) = template.properties("AWS::ApiGatewayV2::DomainName")
    assert name["DomainNameConfigurations"][0]["SecurityPolicy"] == "TLS_1_2"
    (http_api,) = template.properties("AWS::ApiGatewayV2::Api")
    assert http_api["DisableExecuteApiEndpoint"] is True
    assert name["DomainName"] == "api.smears.example.org"
    (logical_id,) = template.resources("AWS::ApiGatewayV2::DomainName")
    assert template.raw["Outputs"]["ApiUrl"]["Value"] == {"Fn::Join": ["", ["https://", {"Ref": logical_id}]]}
