"""What AWS says becomes one line that says what to do."""

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from client.batch.aws import Aws, state_machine_arn
from client.batch.errors import RefusedError, explained


@pytest.mark.parametrize(
    ("error", "fix"),
    [
        (ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "X"), "batch-operator"),
        (ClientError({"Error": {"Code": "ExpiredTokenException", "Message": "old"}}, "X"), "aws sso login"),
        (ClientError({"Error": {"Code": "ExecutionDoesNotExist", "Message": "arn"}}, "X"), "no such execution"),
        (ClientError({"Error": {"Code": "NoSuchBucket", "Message": "b"}}, "X"), "no such bucket"),
        (ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "X"), "slow down"),
        (NoCredentialsError(), "AWS_PROFILE"),
        (EndpointConnectionError(endpoint_url="http://nowhere"), "http://nowhere"),
    ],
)
def test_every_refusal_says_what_to_do(error: Exception, fix: str):
    with pytest.raises(RefusedError, match=fix) as caught, explained("Starting the batch"):
        raise error
    assert str(caught.value).startswith("Starting the batch: ")


def test_without_a_region_nothing_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(RefusedError, match="set AWS_REGION"):
        Aws.connect()


def test_an_unknown_profile_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path):
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(RefusedError, match="nobody"):
        state_machine_arn("dev")
