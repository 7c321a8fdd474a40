"""A state machine and its buckets as the stack makes them, in moto."""

import json
from collections.abc import Iterator

import pytest
from moto import mock_aws

from client.batch.aws import Aws
from client.batch.machine import Machine, describe_machine
from infra.environments import load_environment
from infra.stacks.batch_definition import definition

REGION = "eu-central-1"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield Aws.connect()


@pytest.fixture
def machine(aws: Aws) -> Machine:
    """Give the state machine with the deployed definition, and make the buckets that it names."""
    for bucket in ("data", "results"):
        aws.s3.create_bucket(Bucket=f"smears-{bucket}", CreateBucketConfiguration={"LocationConstraint": REGION})
    steps = definition(
        load_environment("prod").batch,
        data_bucket="smears-data",
        results_bucket="smears-results",
        classify_arn=f"arn:aws:lambda:{REGION}:123456789012:function:classify",
        summarise_arn=f"arn:aws:lambda:{REGION}:123456789012:function:summarise",
    )
    made = aws.states.create_state_machine(
        name="leukolens-dev-batch",
        definition=json.dumps(steps),
        roleArn="arn:aws:iam::123456789012:role/batch",
    )
    return describe_machine(aws, made["stateMachineArn"])
