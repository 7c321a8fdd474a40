"""Every ordinary change of an environment's file can be deployed: CloudFormation refuses none as an export in use.

A stack's export may neither go nor change while another deployed stack imports it, and stacks are updated one after
another, the producer first; the emulator of the rehearsal does not enforce it.
"""

import contextlib
import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from infra.config import Delivery, Domain, Environment, MlflowServer, Model, Section, TrainingNetwork
from infra.environments import load_environment
from infra.image import Published
from infra.rehearsal.templates import refused_exports

DOMAIN = Domain(name="api.smears.example.org", certificate_arn="arn:aws:acm:eu-central-1:123456789012:certificate/1")
SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:leukolens-mlflow-AbCdEf"
SERVER = MlflowServer(uri="https://dagshub.com/owner/repository.mlflow", secret_arn=SECRET)
DELIVERY = Delivery(repository="owner/name", creates_provider=True, builds_image=True, pull_accounts=[])
IMAGE = Published("111111111111", "eu-central-1", "leukolens", f"sha256:{'a' * 64}")
NETWORK = TrainingNetwork(subnet_ids=("subnet-0123456789abcdef0",), security_group_ids=("sg-0123456789abcdef0",))


def _with(**sections: dict[str, Any]) -> Callable[[Environment], Environment]:
    def change(environment: Environment) -> Environment:
        updates = {name: getattr(environment, name).model_copy(update=new) for name, new in sections.items()}
        return environment.model_copy(update=updates)

    return change


def _other_numbers(section: Section) -> Any:
    """Change each number by one, up or down, where the other is out of bounds."""
    for key, value in section:
        if isinstance(value, Section):
            section = section.model_copy(update={key: _other_numbers(value)})
        elif type(value) in {int, float}:
            for other in (value - 1, value + 1):  # the last that holds
                with contextlib.suppress(ValidationError):
                    section = type(section).model_validate(section.model_dump() | {key: other})
    return section


def _values(section: Section, path: str = "") -> dict[str, Any]:
    """Give every setting by its key: ``api.burst``."""
    found: dict[str, Any] = {}
    for name, value in section:
        found |= _values(value, f"{path}{name}.") if isinstance(value, Section) else {f"{path}{name}": value}
    return found


CHANGES = {
    "a name of one's own for the API": _with(api={"domain": DOMAIN}),
    "no address of the page": _with(page={"urls": ()}),
    "another host of the page": _with(frontend={"host": "ecs-express"}),
    "no page": _with(frontend={"host": "none"}),
    "no training": _with(training={"enabled": False}),
    "another MLflow server": _with(training={"mlflow": SERVER}),
    "an own training image, in a network": _with(training={"image": "own", "network": NETWORK}),
    "a job that reaches no network": _with(training={"image": "own", "network_isolation": True}),
    "a canary, and warm functions": _with(
        release={"strategy": "canary-10-percent-5-minutes"}, inference={"provisioned_concurrency": 1}
    ),
    "somebody who gets the alarms": _with(monitoring={"email": "on-call@example.org"}),
    "a field sent every five minutes": _with(monitoring={"canary_minutes": 5}),
    "another model": lambda environment: environment.model_copy(
        update={"model": Model(uri="s3://smears-models/models/1.1.0", sha256="d" * 64)}
    ),
    "deploys by GitHub": lambda environment: environment.model_copy(update={"delivery": DELIVERY}),
    "protected": lambda environment: _with(identity={"mfa": "required"})(environment).model_copy(
        update={"deletion_protection": True}
    ),
    "another address to sign in": _with(identity={"domain_prefix": "smears-elsewhere"}),
    "another processor, and more of it": _with(
        inference={"architecture": "arm64", "reserved_concurrency": 5, "log_level": "DEBUG", "log_retention_days": 90},
        frontend={"cpu": 2048, "memory_mb": 4096},
        training={"instance_type": "ml.m5.2xlarge", "log_retention_days": 90},
    ),
    "other numbers, all of them": _other_numbers,
}
# Another of these is another environment, and no change of one.
FIXED = {"name", "account", "region"}


@pytest.fixture(scope="module")
def opened():
    """Give dev with a page that people sign in to."""
    return _with(page={"urls": ("https://page.example.org",)})(load_environment("dev"))


@pytest.fixture(scope="module")
def before(opened, synthesise):
    return synthesise(opened, IMAGE, IMAGE)


@pytest.fixture(scope="module", params=CHANGES)
def change(request, opened, before, synthesise):
    """Give the templates without and with one change."""
    return before, synthesise(CHANGES[request.param](opened), IMAGE, IMAGE)


def test_every_setting_is_changed_by_one_of_the_changes(opened):
    """A new key of an environment's file wants a change here."""
    plain = _values(opened)
    changed = {
        key
        for change in CHANGES.values()
        for key, value in _values(change(opened)).items()
        if key not in plain or plain[key] != value
    }
    changed |= {key.partition(".")[0] for key in changed} | {key.rpartition(".")[0] for key in changed}
    assert len(CHANGES) >= 14
    assert set(plain) - changed == FIXED


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
    environment = _with(monitoring={"email": "on-call@example.org"})(load_environment("dev"))
    environment = environment.model_copy(update={"delivery": DELIVERY})
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
