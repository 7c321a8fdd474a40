"""The idle month's costs count what the stacks really have, and add up."""

import pytest

from infra import costs
from infra.environments import NAMES, load_environment
from infra.prices import Price, read_prices


def _count(templates, kind):
    return sum(len(template.resources(kind)) for template in templates.values())


# With its own page, everything warm, and nothing of it: what the shipped files do not say.
def _other(environment, host):
    changes = {
        "frontend": environment.frontend.model_copy(update={"host": host}),
        "page": environment.page.model_copy(update={"urls": ("https://page.example.org",)}),
        "inference": environment.inference.model_copy(update={"provisioned_concurrency": 3}),
        "monitoring": environment.monitoring.model_copy(update={"canary_minutes": 1}),
    }
    return environment.model_copy(update=changes)


@pytest.fixture(scope="module", params=[*NAMES, "ecs-express", "none"])
def deployed(request, synthesise):
    """Give an environment with its stacks."""
    name = request.param
    environment = load_environment(name) if name in NAMES else _other(load_environment("staging"), name)
    return environment, synthesise(environment)


def test_what_is_billed_by_the_month_is_counted_as_deployed(deployed):
    environment, templates = deployed
    counted = {line.price: line.quantity for line in costs.idle(environment)}
    assert counted["alarm_month"] == _count(templates, "AWS::CloudWatch::Alarm")
    assert counted["dashboard_month"] == _count(templates, "AWS::CloudWatch::Dashboard")
    assert counted["kms_key_month"] == _count(templates, "AWS::KMS::Key")
    assert counted.get("secret_month", 0) == _count(templates, "AWS::SecretsManager::Secret")
    machine = [
        one
        for one in templates["Identity"].properties("AWS::Cognito::UserPoolClient")
        if "client_credentials" in one["AllowedOAuthFlows"]
    ]
    assert counted["machine_client_month"] == len(machine)
    ((alias,),) = [templates["Inference"].properties("AWS::Lambda::Alias")]
    warm = alias.get("ProvisionedConcurrencyConfig", {}).get("ProvisionedConcurrentExecutions", 0)
    per_function = environment.inference.memory_mb / 1024 * costs.HOURS * 3600
    assert counted.get("provisioned_gb_second", 0) == pytest.approx(warm * per_function)
    assert ("machine_token" in counted) == bool(_count(templates, "AWS::Events::Rule"))
    hosts = {"apprunner_gb_hour": "AWS::AppRunner::Service", "fargate_gb_hour": "AWS::ECS::ExpressGatewayService"}
    for price, kind in hosts.items():
        assert (price in counted) == bool(_count(templates, kind)), kind


# Billed by the hour or the month whether used or not, beside those above: a new one of these wants a line in the table.
_STANDING = {
    *("AWS::EC2::NatGateway", "AWS::EC2::VPCEndpoint", "AWS::RDS::DBInstance", "AWS::DynamoDB::Table"),
    *("AWS::ElasticLoadBalancingV2::LoadBalancer", "AWS::SageMaker::Endpoint", "AWS::SageMaker::MlflowTrackingServer"),
    *("AWS::ECS::Service", "AWS::WAFv2::WebACL", "AWS::Synthetics::Canary", "AWS::Signer::SigningProfile"),
}


def test_nothing_else_stands_and_costs(deployed):
    _, templates = deployed
    assert not [kind for kind in _STANDING if _count(templates, kind)]


def test_a_line_is_its_quantity_at_its_price():
    dear = {name: Price(usd=2.0, what="x", source="x", as_of=price.as_of) for name, price in read_prices().items()}
    lines = costs.idle(load_environment("prod"))
    assert costs.total(lines, dear) == pytest.approx(2 * sum(line.quantity for line in lines))


def test_a_setting_changes_what_it_costs():
    prod, prices = load_environment("prod"), read_prices()

    def usd(environment):
        return costs.total(costs.idle(environment), prices)

    cold = prod.model_copy(update={"inference": prod.inference.model_copy(update={"provisioned_concurrency": 0})})
    quiet = prod.model_copy(update={"monitoring": prod.monitoring.model_copy(update={"canary_minutes": 0})})
    assert usd(cold) < usd(quiet) < usd(prod)


def test_an_idle_month_fits_into_each_environments_budget():
    for name in NAMES:
        environment = load_environment(name)
        assert costs.total(costs.idle(environment), read_prices()) < environment.monitoring.monthly_budget_usd
