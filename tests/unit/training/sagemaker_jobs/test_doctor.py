"""What `doctor` finds of an account: who asks, and how many instances it may have."""

import csv

import pytest


@pytest.fixture
def examined(account, command, monkeypatch, answering_session, tracked):
    monkeypatch.setattr("training.doctor.boto3.Session", lambda **_: answering_session)

    def run(*options):
        told = command("doctor", "--format", "csv", *options)
        return told.code, {row["what"]: row for row in csv.DictReader(told.out.splitlines())}

    return run


def test_identity_region_and_quota(examined, account):
    account.quota = 4
    code, rows = examined("--env", "dev")
    assert code == 0
    assert rows["AWS"]["found"].startswith("arn:aws:sts::")
    assert rows["AWS"]["found"].endswith(" in eu-central-1")
    assert rows["quota"]["found"] == "ml.m5.xlarge for training job usage: 4 at a time"


def test_a_quota_of_nothing_is_missing(examined, account):
    account.quota = 0
    code, rows = examined("--env", "dev", "--instance-type", "ml.m5.xlarge")
    assert code == 1
    assert (rows["quota"]["state"], "ask AWS for more" in rows["quota"]["what to do"]) == ("missing", True)


def test_nobody_who_is_signed_in(examined, monkeypatch):

    monkeypatch.setattr("training.doctor._ask_aws", lambda ask: (None, "Unable to locate credentials"))
    code, rows = examined("--env", "dev")
    assert code == 1
    assert rows["AWS"]["what to do"] == "sign in (aws sso login) or set AWS_PROFILE"


def test_an_environment_that_trains_nothing(examined):
    code, rows = examined("--env", "prod")
    assert code == 1
    assert "environments/prod.toml" in rows["environment"]["what to do"]
