"""Every ordinary change of an environment's file can be deployed: CloudFormation refuses none as an export in use.

A stack's export may neither go nor change while another deployed stack imports it, and stacks are updated one after
another, the producer first; the emulator of the rehearsal does not enforce it.
"""

import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from infra.config import Domain, Environment, MlflowServer, TrainingNetwork
from infra.environments import load_environment
from infra.rehearsal.templates import refused_exports

DOMAIN = Domain(name="api.smears.example.org", certificate_arn="arn:aws:acm:eu-central-1:123456789012:certificate/1")
SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:leukolens-mlflow-AbCdEf"
SERVER = MlflowServer(uri="https://dagshub.com/owner/repository.mlflow", secret_arn=SECRET)
NETWORK = TrainingNetwork(subnet_ids=("subnet-0123456789abcdef0",), security_group_ids=("sg-0123456789abcdef0",))


def _with(**sections: dict[str, Any]) -> Callable[[Environment], Environment]:
    def change(environment: Environment) -> Environment:
        updates = {name: getattr(environment, name).model_copy(update=new) for name, new in sections.items()}
        return environment.model_copy(update=updates)

    return change


CHANGES = {
    "a name of one's own for the API": _with(api={"domain": DOMAIN}),
    "no address of the page": _with(page={"urls": ()}),
    "another host of the page": _with(frontend={"host": "ecs-express"}),
    "no page": _with(frontend={"host": "none"}),
    "no training": _with(training={"enabled": False}),
    "another MLflow server": _with(training={"mlflow": SERVER}),
    "an own training image, in a network": _with(training={"image": "own", "network": NETWORK}),
    "a canary, and warm functions": _with(
        release={"strategy": "canary-10-percent-5-minutes"}, inference={"provisioned_concurrency": 1}
    ),
    "somebody who gets the alarms": _with(monitoring={"email": "on-call@example.org"}),
}


@pytest.fixture(scope="module", params=CHANGES)
def change(request, synthesise):
    """Give the templates without and with one change."""
    environment = load_environment("dev")
    opened = _with(page={"urls": ("https://page.example.org",)})(environment)
    return synthesise(opened), synthesise(CHANGES[request.param](opened))


def test_a_change_and_its_way_back_are_refused_by_no_export(change):
    before, after = change
    assert list(refused_exports(before, after)) == []
    assert list(refused_exports(after, before)) == []


def test_an_export_that_is_in_use_neither_goes_nor_changes():
    def stack(**raw):
        return SimpleNamespace(raw=raw)

    def storage(value):
        return stack(Outputs={"O": {"Value": value, "Export": {"Name": "bucket"}}})

    user = stack(Resources={"F": {"Fn::ImportValue": "bucket"}})
    deployed = {"Storage": storage("a"), "Inference": user}
    assert list(refused_exports(deployed, deployed)) == []
    for wanted in (storage("b"), stack(Outputs={})):
        (told,) = refused_exports(deployed, {"Storage": wanted, "Inference": stack(Resources={})})
        assert told == "Storage: the export bucket is in use by Inference"


def test_what_a_stack_reads_of_another_is_there_when_it_is_deployed(change):
    """A weak reference holds nobody up, and so must be right."""
    for templates in change:
        outputs = {f"Leukolens-Dev-{name}": set(one.raw.get("Outputs", {})) for name, one in templates.items()}
        order = list(outputs)
        for name, template in templates.items():
            for read in _reads(template.raw):
                assert read["OutputName"] in outputs[read["StackName"]]
                assert order.index(read["StackName"]) < order.index(f"Leukolens-Dev-{name}")


def _reads(value) -> Iterator[dict[str, str]]:
    if isinstance(value, dict):
        if "Fn::GetStackOutput" in value:
            yield value["Fn::GetStackOutput"]
        for one in value.values():
            yield from _reads(one)
    elif isinstance(value, list):
        for one in value:
            yield from _reads(one)


# IAM, budgets and dashboards have no region: https://docs.aws.amazon.com/service-authorization/latest/reference/.
_ACCOUNT_WIDE = {
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::Budgets::Budget": "BudgetName",
}


def test_one_environment_stands_in_two_regions_of_an_account(synthesise):
    from infra.config import Delivery

    delivery = Delivery(repository="owner/name", creates_provider=False, builds_image=True, pull_accounts=[])
    environment = _with(monitoring={"email": "on-call@example.org"})(load_environment("dev"))
    environment = environment.model_copy(update={"delivery": delivery})
    named: list[set[str]] = []
    for region in ("eu-central-1", "eu-west-1"):
        templates = synthesise(environment.model_copy(update={"region": region}))
        found = {
            json.dumps({**properties, **properties.get("Budget", {})}[key])
            for kind, key in _ACCOUNT_WIDE.items()
            for template in templates.values()
            for properties in template.properties(kind)
            if key in {**properties, **properties.get("Budget", {})}
        }
        named.append(found)
    assert len(named[0]) >= 6
    assert not named[0] & named[1]
