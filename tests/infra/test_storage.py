"""What is stored is encrypted, private, kept, and cleared when it should be."""

import pytest


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


def test_data_never_expires(buckets):
    for name in ("Data", "Models", "Feedback"):
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
