"""What is stored is encrypted, private, kept, and cleared when it should be."""

import pytest
from pydantic import ValidationError

from infra.config import Storage
from infra.environments import load_environment


@pytest.fixture(scope="module")
def buckets(prod):
    return {name[:-8]: bucket for name, bucket in prod["Storage"].resources("AWS::S3::Bucket").items()}


def test_there_is_a_bucket_for_each_purpose(buckets):
    assert set(buckets) == {"AccessLogs", "Data", "Models", "Uploads", "Feedback", "Results"}


def test_every_bucket_is_private_and_kept(buckets):
    for name, bucket in buckets.items():
        block = bucket["Properties"]["PublicAccessBlockConfiguration"]
        assert block == dict.fromkeys(block, True), name
        assert len(block) == 4, name
        assert bucket["DeletionPolicy"] == "RetainExceptOnCreate", name
        assert bucket["UpdateReplacePolicy"] == "Retain", name


def test_every_bucket_but_the_logs_is_encrypted_by_our_key_and_logged(buckets):
    for name in set(buckets) - {"AccessLogs"}:
        properties = buckets[name]["Properties"]
        rule = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms", name
        assert "KMSMasterKeyID" in rule["ServerSideEncryptionByDefault"], name
        assert properties["LoggingConfiguration"]["LogFilePrefix"] == f"{name.lower()}/"


def test_every_bucket_refuses_plain_http_and_old_tls(prod, buckets):
    policies = prod["Storage"].properties("AWS::S3::BucketPolicy")
    assert len(policies) == len(buckets)
    for policy in policies:
        statements = policy["PolicyDocument"]["Statement"]
        denied = [s["Condition"] for s in statements if s["Effect"] == "Deny"]
        assert {"Bool": {"aws:SecureTransport": "false"}} in denied
        assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in denied


@pytest.mark.parametrize(
    ("name", "versioned"), [("Data", True), ("Models", True), ("Feedback", True), ("Uploads", False)]
)
def test_what_cannot_be_made_again_is_versioned(buckets, name, versioned):
    assert ("VersioningConfiguration" in buckets[name]["Properties"]) is versioned


def test_uploads_expire(buckets):
    rules = buckets["Uploads"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert {rule.get("ExpirationInDays") for rule in rules} == {1, None}
    assert any("AbortIncompleteMultipartUpload" in rule for rule in rules)


def test_every_version_of_feedback_is_gone_by_the_day_that_its_record_names(prod, buckets):
    settings = load_environment("prod").storage
    (function,) = [
        one["Environment"]["Variables"]
        for one in prod["Inference"].properties("AWS::Lambda::Function")
        if "LEUKOLENS_FEEDBACK_DAYS" in one.get("Environment", {}).get("Variables", {})
    ]
    promised = int(function["LEUKOLENS_FEEDBACK_DAYS"])
    assert promised == settings.feedback_days
    rules = buckets["Feedback"]["Properties"]["LifecycleConfiguration"]["Rules"]
    (expires,) = [rule["ExpirationInDays"] for rule in rules if "ExpirationInDays" in rule]
    (noncurrent,) = [rule["NoncurrentVersionExpiration"] for rule in rules if "NoncurrentVersionExpiration" in rule]
    # S3 rounds each up to the end of a day.
    assert expires + noncurrent["NoncurrentDays"] + 2 <= promised
    assert any(rule.get("ExpiredObjectDeleteMarker") for rule in rules)


def test_feedback_that_could_not_be_gone_in_time_is_refused():
    whole = load_environment("dev").storage.model_dump()
    with pytest.raises(ValidationError, match="at least 3 more than noncurrent"):
        Storage.model_validate(whole | {"feedback_days": 32, "noncurrent_versions_expire_days": 30})


def test_data_never_expires(buckets):
    for name in ("Data", "Models"):
        rules = buckets[name]["Properties"]["LifecycleConfiguration"]["Rules"]
        assert not any("ExpirationInDays" in rule for rule in rules), name


def test_the_key_rotates(prod):
    (key,) = prod["Storage"].resources("AWS::KMS::Key").values()
    assert key["Properties"]["EnableKeyRotation"] is True
    assert key["DeletionPolicy"] == "RetainExceptOnCreate"


def test_nothing_that_is_kept_stays_after_a_create_that_failed(prod, dev):
    """What stays of a failed create is in the way of the next, where its name is fixed, and an orphan elsewhere."""
    for template in (*prod.values(), *dev.values()):
        for name, resource in template.raw["Resources"].items():
            assert resource.get("DeletionPolicy") != "Retain", name
