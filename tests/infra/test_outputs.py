"""Whoever reads a stack's output reads one that a stack makes, and all of them stand in one place."""

import re
from pathlib import Path

import pytest

from infra.config import Delivery, Domain, MlflowServer, TrainingNetwork
from infra.environments import load_environment
from infra.stack import Output
from tests.infra.synthesis import IMAGE

ROOT = Path(__file__).resolve().parents[2]
# Made by CDK of what one stack reads of another.
_REFERENCE = re.compile("PublishOutput")


@pytest.fixture(scope="module")
def full(synthesise):
    """Give dev with everything in it that an environment may leave out."""
    environment = load_environment("dev")
    secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:leukolens-mlflow-AbCdEf"
    training = {
        "image": "own",
        "mlflow": MlflowServer(uri="https://dagshub.com/owner/repository.mlflow", secret_arn=secret),
        "network": TrainingNetwork(subnet_ids=("subnet-01234567",), security_group_ids=("sg-01234567",)),
    }
    domain = Domain(
        name="api.smears.example.org", certificate_arn="arn:aws:acm:eu-central-1:123456789012:certificate/1"
    )
    changes = {
        "training": environment.training.model_copy(update=training),
        "api": environment.api.model_copy(update={"domain": domain}),
        "delivery": Delivery(repository="owner/name", creates_provider=True, builds_image=True, pull_accounts=[]),
    }
    return synthesise(environment.model_copy(update=changes), IMAGE, IMAGE)


def test_stacks_make_every_known_output_and_no_other(dev, full):
    made = {key for stacks in (dev, full) for stack in stacks.values() for key in stack.raw.get("Outputs", {})}
    assert {key for key in made if not _REFERENCE.match(key)} == set(Output)


def test_no_two_stacks_make_the_same_output(full):
    keys = [key for stack in full.values() for key in stack.raw.get("Outputs", {}) if key in set(Output)]
    assert len(keys) == len(set(keys))


def test_the_makefile_reads_known_outputs():
    read = set(re.findall(r's\["(\w+)"\]', (ROOT / "Makefile").read_text()))
    assert read
    assert read <= set(Output)


def test_the_client_names_known_outputs():
    sources = [path.read_text() for path in (ROOT / "client").rglob("*.py")]
    named = {key for text in sources for key in re.findall(r"\(output (\w+)", text)}
    assert named
    assert named <= set(Output)


def test_documents_and_workflows_name_known_outputs():
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / ".github" / "workflows").glob("*.yml")]
    named = {key for page in pages for key in re.findall(r"`([A-Z]\w*(?:Arn|Url|Uri|Ids?|Target))`", page.read_text())}
    assert named
    assert named <= set(Output)
