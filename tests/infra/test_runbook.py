"""Runbook and alarms hold together, and its commands are ones that AWS knows."""

import re
import shlex
from pathlib import Path

import boto3
import botocore.session
import pytest
from botocore import xform_name
from moto import mock_aws

from infra.environments import ConfigError
from infra.operations.empty_bucket import empty
from tests.docs.blocks import blocks

ROOT = Path(__file__).resolve().parents[2]
RUNBOOK = ROOT / "docs" / "runbook.md"
PAGES = [RUNBOOK, ROOT / "docs" / "delivery.md"]
_POINTER = re.compile(r"docs/runbook\.md#([a-z]+)$")
# As the CLI calls a service, where botocore has another name.
_SERVICES = {"s3api": "s3", "deploy": "codedeploy"}
# Options of the CLI itself, and of its own commands.
_ANYWHERE = {"--query", "--output", "--region", "--profile", "--no-cli-pager"}


def _sections() -> list[str]:
    alarms = RUNBOOK.read_text().partition("\n## Alarms\n")[2].partition("\n## ")[0]
    return re.findall(r"^### (\w+)$", alarms, re.MULTILINE)


def _alarms(templates) -> list[str]:
    return [
        alarm["AlarmDescription"]
        for template in templates.values()
        for alarm in template.properties("AWS::CloudWatch::Alarm")
    ]


def test_every_alarm_has_its_section_and_every_section_its_alarm(prod):
    pointed = [_POINTER.search(description) for description in _alarms(prod)]
    assert all(pointed), _alarms(prod)
    assert {found[1] for found in pointed} == {name.lower() for name in _sections()}


def test_every_environments_alarms_are_in_it(dev):
    for description in _alarms(dev):
        assert _POINTER.search(description)[1] in {name.lower() for name in _sections()}


@pytest.mark.parametrize("name", _sections())
def test_every_section_says_what_it_means_what_to_look_at_and_what_to_do(name):
    section = RUNBOOK.read_text().partition(f"\n### {name}\n")[2].partition("\n### ")[0]
    for part in ("**Means**", "**Look at**", "**Do**"):
        assert part in section


def _aws_commands():
    for page in PAGES:
        for block in blocks(page):
            if block.language == "sh":
                yield from ((block.place, words) for words in block.commands if words[0] == "aws")


def _parameters(words):
    """Give service, operation and the members of its input by the options of a command."""
    service = _SERVICES.get(words[1], words[1])
    model = botocore.session.get_session().get_service_model(service)
    operations = {xform_name(name, "-"): name for name in model.operation_names}
    assert words[2] in operations, f"aws {words[1]} has no {words[2]}"
    shape = model.operation_model(operations[words[2]]).input_shape
    members = {f"--{xform_name(name, '-')}": name for name in (shape.members if shape else {})}
    required = {f"--{xform_name(name, '-')}" for name in (shape.required_members if shape else [])}
    return service, words[2].replace("-", "_"), members, required


@pytest.mark.parametrize(("place", "words"), list(_aws_commands()), ids=lambda value: str(value)[:60])
def test_every_command_for_aws_exists_with_its_options(place, words):
    if words[1] in {"sso", "configure"}:
        return  # of the CLI itself
    _, _, members, required = _parameters(words)
    given = {word for word in words if word.startswith("--")} - _ANYWHERE
    assert given <= members.keys(), place
    assert required <= given, place


def _run(words, **variables):
    """Do what a command of the runbook says."""
    service, operation, members, _ = _parameters(words)
    values = [re.sub(r"\$(\w+)", lambda found: variables[found[1]], word) for word in words[3:]]
    given = {members[option]: value for option, value in zip(values[::2], values[1::2], strict=True)}
    return getattr(boto3.client(service, "eu-central-1"), operation)(**given)


def _commands(section):
    text = RUNBOOK.read_text().partition(f"\n### {section}\n")[2].partition("\n### ")[0]
    found = re.findall(r"^aws .*$", text, re.MULTILINE)
    return {words[2]: words for words in map(shlex.split, found)}


@pytest.fixture
def bucket(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        made = boto3.resource("s3").create_bucket(
            Bucket="leukolens-data", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
        made.Versioning().enable()
        tags = [{"Key": "project", "Value": "leukolens"}, {"Key": "environment", "Value": "dev"}]
        made.Tagging().put(Tagging={"TagSet": tags})
        yield made


def test_an_overwritten_object_comes_back(bucket):
    bucket.put_object(Key="a.jpg", Body=b"before")
    bucket.put_object(Key="a.jpg", Body=b"after")
    commands, where = _commands("Bring back an object"), {"BUCKET": bucket.name, "KEY": "a.jpg"}
    versions = _run(commands["list-object-versions"], **where)["Versions"]
    (old,) = [version["VersionId"] for version in versions if not version["IsLatest"]]
    _run(commands["copy-object"], **where, VERSION=old)
    assert bucket.Object("a.jpg").get()["Body"].read() == b"before"


def test_a_deleted_object_comes_back(bucket):
    bucket.put_object(Key="a.jpg", Body=b"kept")
    bucket.Object("a.jpg").delete()
    commands, where = _commands("Bring back an object"), {"BUCKET": bucket.name, "KEY": "a.jpg"}
    (marker,) = _run(commands["list-object-versions"], **where)["DeleteMarkers"]
    _run(commands["delete-object"], **where, MARKER=marker["VersionId"])
    assert bucket.Object("a.jpg").get()["Body"].read() == b"kept"


def test_a_kept_bucket_can_be_emptied_and_deleted(bucket):
    for body in (b"1", b"2"):
        bucket.put_object(Key="a.jpg", Body=body)
    bucket.Object("a.jpg").delete()
    assert empty(bucket.name, ask=lambda _: bucket.name) == "deleted leukolens-data with 3 versions of objects"
    assert not list(boto3.resource("s3").buckets.all())


@pytest.mark.parametrize(
    ("tags", "answer", "expected"),
    [
        ({"project": "leukolens"}, "another", "nothing was deleted"),
        ({"project": "other"}, "leukolens-data", "none that this project made"),
        (
            {"project": "leukolens", "aws:cloudformation:stack-name": "Leukolens-Dev-Storage"},
            "leukolens-data",
            "run make destroy first",
        ),
    ],
)
def test_a_bucket_is_kept_when_in_doubt(bucket, tags, answer, expected):
    bucket.put_object(Key="a.jpg", Body=b"kept")
    boto3.client("cloudformation").create_stack(
        StackName="Leukolens-Dev-Storage",
        TemplateBody='{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}',
    )
    session = _Tagged(tags)
    with pytest.raises(ConfigError, match=expected):
        empty(bucket.name, ask=lambda _: answer, session=session)
    assert len(list(bucket.objects.all())) == 1


def test_a_bucket_that_is_gone_is_told(bucket):
    with pytest.raises(ConfigError, match="leukolens-gone: AWS says NoSuchBucket"):
        empty("leukolens-gone")


class _Tagged:
    """boto3, with a bucket's tags as AWS itself may set them, which nobody else may."""

    def __init__(self, tags):
        self._tags = [{"Key": key, "Value": value} for key, value in tags.items()]

    def client(self, service):
        client = boto3.client(service)
        if service == "s3":
            client.get_bucket_tagging = lambda Bucket: {"TagSet": self._tags}  # noqa: N803 - as boto3 names it
        return client

    def resource(self, service):
        return boto3.resource(service)
