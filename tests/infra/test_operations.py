"""What a deploy asks of published images: the model that they hold, what belongs together, who ran them."""

import hashlib
import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import boto3
import pytest
from moto import mock_aws

import infra.model
from inference.card import folder_digest
from infra.config import Model
from infra.environments import ConfigError, load_environment
from infra.image import REPOSITORY, Published
from infra.model import DEFAULT, model_sha256
from infra.operations.adopt import find_left, write_mapping
from infra.operations.alarm_test import set_off
from infra.operations.published import add_tags, model_tag, tags_of
from infra.operations.release import keep, manifest, resolve, verify
from tests.infra.registry import ACCOUNT, REGION, push

COMMIT = "c" * 40
OTHER = Model(uri="s3://models/1.1.0", sha256="d" * 64)


@pytest.fixture
def aws(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        yield


@pytest.fixture
def ecr(aws):
    client = boto3.client("ecr")
    client.create_repository(repositoryName=REPOSITORY, imageTagMutability="IMMUTABLE")
    return client


@pytest.fixture
def image(ecr):
    image = push(ecr, COMMIT)
    add_tags(image, [model_tag(model_sha256(None), COMMIT)], ecr)
    return image


def test_an_image_with_the_environments_model_is_let_in(ecr, image):
    assert "is in the image" in verify(load_environment("prod"), image, ecr)


def test_the_shipped_model_has_one_digest_however_an_environment_names_it():
    assert model_sha256(None) == folder_digest(DEFAULT)


def test_an_image_with_another_model_than_the_environments_is_refused(ecr, image):
    environment = load_environment("staging").model_copy(update={"model": OTHER})
    with pytest.raises(ConfigError, match=rf"staging is to serve {'d' * 16} \(environments/staging\.toml\).*{COMMIT}"):
        verify(environment, image, ecr)


def test_an_image_that_says_no_model_is_refused(ecr):
    with pytest.raises(ConfigError, match="no tag says which model it holds"):
        verify(load_environment("dev"), push(ecr, COMMIT), ecr)


def test_an_image_that_is_not_there_is_told(ecr):
    gone = Published(ACCOUNT, REGION, REPOSITORY, f"sha256:{'0' * 64}")
    with pytest.raises(ConfigError, match="ECR says ImageNotFoundException"):
        verify(load_environment("dev"), gone, ecr)


def test_a_rollback_finds_the_commit_and_the_page_of_an_image(ecr, image):
    page = push(ecr, f"page-{COMMIT}")
    keep(load_environment("prod"), [image, page], ecr)  # what ran is tagged so, and is found all the same
    assert resolve(image, ecr) == {"image": image.uri, "page": page.uri, "commit": COMMIT}


def test_a_page_that_is_gone_is_told(ecr, image):
    with pytest.raises(ConfigError, match=f"the page of {COMMIT} is not in the registry"):
        resolve(image, ecr)


def test_what_an_environment_ran_is_noted_once(ecr, image):
    noted = keep(load_environment("prod"), [image], ecr)
    assert keep(load_environment("prod"), [image], ecr) == noted
    assert set(noted) < tags_of(image, ecr).all
    assert noted[0].startswith("prod-")


# --- the way back from destroy


def test_what_destroy_left_is_found_by_its_logical_id(tmp_path):
    mapping = tmp_path / "cdk.out" / "mapping.json"
    said = write_mapping(load_environment("dev"), str(mapping), _Left(_BUCKET, _KEY, _OTHERS))
    assert json.loads(mapping.read_text()) == {
        "Data1": {"BucketName": "leukolens-dev-storage-data1"},
        "Key1": {"KeyId": "0123-4567"},
    }
    assert "2 resources" in said


@pytest.mark.parametrize(
    ("left", "stands", "said"),
    [
        ([], False, "nothing in eu-central-1 was left"),
        (["_BUCKET"], True, "stands: there is nothing to adopt"),
        (["_BUCKET", "_SECOND"], False, "both were Data1: keep one"),
    ],
)
def test_what_cannot_be_adopted_is_told(left, stands, said):
    with pytest.raises(ConfigError, match=said):
        find_left(load_environment("dev"), _Left(*(globals()[name] for name in left), stands=stands))


def _resource(arn, logical):
    stack = {"Key": "aws:cloudformation:stack-name", "Value": "Leukolens-Dev-Storage"}
    return {"ResourceARN": arn, "Tags": [stack, {"Key": "aws:cloudformation:logical-id", "Value": logical}]}


_BUCKET = _resource("arn:aws:s3:::leukolens-dev-storage-data1", "Data1")
_SECOND = _resource("arn:aws:s3:::leukolens-dev-storage-data2", "Data1")
_KEY = _resource(f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0123-4567", "Key1")
_OTHERS = _resource(f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:x", "Log1")


class _Left:
    """An account after destroy; its tags are ones that AWS alone can set."""

    def __init__(self, *left, stands=False):
        self._left, self._stands = left, stands

    def __call__(self, service):
        return self

    def describe_stacks(self, StackName):  # noqa: N803 - as boto3 names it
        return {"Stacks": [{"StackStatus": "CREATE_COMPLETE" if self._stands else "DELETE_COMPLETE"}]}

    def get_paginator(self, operation):
        assert operation == "get_resources"
        return self

    def paginate(self, TagFilters):  # noqa: N803 - as boto3 names it
        assert TagFilters == [{"Key": "aws:cloudformation:stack-name", "Values": ["Leukolens-Dev-Storage"]}]
        return [{"ResourceTagMappingList": list(self._left)}]


# --- an alarm by hand


@pytest.fixture
def alarm(aws):
    boto3.client("cloudwatch").put_metric_alarm(
        AlarmName="Leukolens-Dev-Monitoring-Errors1",
        MetricName="5xx",
        Namespace="AWS/ApiGateway",
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        Period=60,
        Statistic="Sum",
        Threshold=0,
    )


def _account(summary, *, subscribed=True, confirmed=True):
    """Give clients of an account: moto's, which has no history of actions, with CloudWatch's in its place."""

    def client(service):
        made = boto3.client(service, region_name=REGION)
        if service == "cloudwatch":
            items = [{"HistorySummary": summary}] if summary else []
            made.describe_alarm_history = lambda **_: {"AlarmHistoryItems": items}
        if service == "sns":
            arn = f"arn:aws:sns:{REGION}:{ACCOUNT}:leukolens-dev-alarms:1" if confirmed else "PendingConfirmation"
            found = [{"Endpoint": "on-call@example.org", "SubscriptionArn": arn}] if subscribed else []
            made.list_subscriptions_by_topic = lambda TopicArn: {"Subscriptions": found}  # noqa: N803
        return made

    return client


def _set_off(client):
    return set_off(load_environment("dev"), client, wait=lambda _: None)


@pytest.mark.usefixtures("alarm")
def test_an_alarm_by_hand_goes_off_and_says_who_gets_it():
    assert "went to on-call@example.org" in _set_off(_account("Successfully executed action arn:aws:sns:..."))
    (alarm,) = boto3.client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert alarm["StateValue"] == "ALARM"


@pytest.mark.usefixtures("alarm")
@pytest.mark.parametrize(
    ("client", "said"),
    [
        (_account("Failed to execute action arn:aws:sns:... not authorized"), "did not leave: Failed to execute"),
        (_account("Successfully executed action", subscribed=False), "set monitoring.email and deploy"),
        (_account("Successfully executed action", confirmed=False), "example.org has not confirmed"),
        (_account(None), "noted no action within 60 s"),
    ],
)
def test_an_alarm_that_nobody_hears_is_told(client, said):
    with pytest.raises(ConfigError, match=said):
        _set_off(client)


@pytest.mark.usefixtures("aws")
def test_without_a_deploy_there_is_no_alarm_to_set_off():
    with pytest.raises(ConfigError, match="run make deploy first"):
        _set_off(_account(None))


def test_the_shipped_file_under_another_card_is_another_model(tmp_path, monkeypatch):
    shutil.copytree(infra.model.DEFAULT, tmp_path / "model")
    card = tmp_path / "model" / "model.json"
    card.write_text(card.read_text().replace('"intended_use": "Research', '"intended_use": "Any research'))
    before = model_sha256(None)
    monkeypatch.setattr("infra.model.DEFAULT", tmp_path / "model")
    assert model_sha256(None) != before


def test_the_manifest_of_an_image_is_what_its_digest_is_of(ecr, image):
    content = manifest(image, ecr)
    assert f"sha256:{hashlib.sha256(content).hexdigest()}" == image.digest


def test_a_manifest_that_is_another_or_absent_is_refused(ecr, image):
    other = replace(image, digest=f"sha256:{'0' * 64}")
    with pytest.raises(ConfigError, match="no such image"):
        manifest(other, ecr)
    lying = SimpleNamespace(batch_get_image=lambda **_: {"images": [{"imageManifest": "{}"}]})
    with pytest.raises(ConfigError, match="gave the manifest sha256:"):
        manifest(image, lying)
