"""A new version takes over by a canary that goes back on alarms, where the environment says so."""

from pathlib import Path

from infra.config import Domain
from infra.environments import load_environment

ROOT = Path(__file__).resolve().parents[2]


def test_production_shifts_by_canary_and_goes_back_on_alarms(prod):
    (group,) = prod["Inference"].properties("AWS::CodeDeploy::DeploymentGroup")
    assert group["DeploymentConfigName"] == "CodeDeployDefault.LambdaCanary10Percent5Minutes"
    assert group["AutoRollbackConfiguration"]["Enabled"] is True
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    assert len(group["AlarmConfiguration"]["Alarms"]) == 2
    (alias,) = prod["Inference"].resources("AWS::Lambda::Alias").values()
    assert "CodeDeployLambdaAliasUpdate" in alias["UpdatePolicy"]
    assert alias["Properties"]["ProvisionedConcurrencyConfig"] == {"ProvisionedConcurrentExecutions": 2}


def _watched_version(alarm):
    return {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]}.get("ExecutedVersion")


def test_its_alarms_watch_the_new_version_alone(prod):
    """What the old version does must not send the new one back: it may be the remedy."""
    (version,) = prod["Inference"].resources("AWS::Lambda::Version")
    alarms = prod["Inference"].properties("AWS::CloudWatch::Alarm")
    assert len(alarms) == 2
    for alarm in alarms:
        assert _watched_version(alarm) == {"Fn::GetAtt": [version, "Version"]}
        # An alarm of its own, too: one that the last version set off would still stand.
        assert {"Fn::GetAtt": [version, "Version"]} in alarm["AlarmName"]["Fn::Join"][1]


def test_the_shift_waits_for_what_watches_it(prod):
    (alias,) = prod["Inference"].resources("AWS::Lambda::Alias").values()
    (group,) = prod["Inference"].resources("AWS::CodeDeploy::DeploymentGroup")
    assert group in alias["DependsOn"]


def test_a_rollback_goes_past_the_canary(rolled_back):
    (alias,) = rolled_back["Inference"].resources("AWS::Lambda::Alias").values()
    assert "UpdatePolicy" not in alias
    assert not rolled_back["Inference"].resources("AWS::CodeDeploy::DeploymentGroup")
    assert "--context shift=none" in (ROOT / "Makefile").read_text().partition("\nrollback:")[2].partition("\n\n")[0]


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
    assert template.raw["Outputs"]["ApiUrl"]["Value"] == "https://api.smears.example.org"
