"""Where images, models and answers are kept: one key, and a bucket for each lifetime and reader."""

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.config import Environment
from infra.constructs.nag import acknowledge
from infra.stack import Output
from infra.stacks.base import EnvironmentStack


class StorageStack(EnvironmentStack):
    """Buckets of one environment.

    Every bucket is encrypted by the environment's own key, refuses plain HTTP and every public grant, logs each
    access, and outlives the stack: `cdk destroy` leaves it, so that no single command loses an image or a label.

    Attributes
    ----------
    data
        Smear fields to train on and to classify in batches; versioned.
    models
        Trained models and their cards; versioned.
    uploads
        Images on their way to one prediction; they expire in days.
    feedback
        What reviewers said of a prediction, with the image only where they consented; versioned, and gone with every
        version by the day that each record names.
    results
        What batches answered.
    """

    def __init__(self, app: Construct, environment: Environment) -> None:
        super().__init__(app, environment, "Storage", "buckets and their key")
        self._settings = environment.storage
        self.key = kms.Key(
            self,
            "Key",
            alias=f"leukolens/{environment.name}",
            description=f"Encrypts what Leukolens {environment.name} stores",
            enable_key_rotation=True,
            removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
        cdk.CfnOutput(self, Output.KEY_ARN, value=self.key.key_arn)
        self.access_logs = s3.Bucket(
            self,
            "AccessLogs",
            # S3 delivers access logs only into a bucket encrypted by S3's own key.
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="expire", expiration=cdk.Duration.days(self._settings.access_logs_expire_days), enabled=True
                ),
                _abort_unfinished_uploads(),
            ],
        )
        acknowledge(
            self.access_logs, "AwsSolutions-S1", "Holds the access logs itself; logging it into itself would never end."
        )
        self.data = self._bucket("Data", versioned=True)
        self.models = self._bucket("Models", versioned=True)
        self.uploads = self._bucket("Uploads", expire_days=self._settings.uploads_expire_days)
        self.feedback = self._bucket("Feedback", versioned=True, expire_days=self._settings.feedback_expires_days)
        self.results = self._bucket("Results", expire_days=self._settings.results_expire_days)

    def _bucket(self, construct_id: str, *, versioned: bool = False, expire_days: int | None = None) -> s3.Bucket:
        rules = [_abort_unfinished_uploads()]
        if versioned:
            kept = cdk.Duration.days(self._settings.noncurrent_versions_expire_days)
            rules.append(s3.LifecycleRule(id="old-versions", noncurrent_version_expiration=kept))
        if expire_days is not None:
            rules.append(s3.LifecycleRule(id="expire", expiration=cdk.Duration.days(expire_days)))
        if versioned and expire_days is not None:
            # What expires leaves the mark of its deletion; when its versions are gone, that goes as well.
            rules.append(s3.LifecycleRule(id="marks", expired_object_delete_marker=True))
        bucket = s3.Bucket(
            self,
            construct_id,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=versioned,
            lifecycle_rules=rules,
            server_access_logs_bucket=self.access_logs,
            server_access_logs_prefix=f"{construct_id.lower()}/",
            removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        )
        cdk.CfnOutput(self, Output(f"{construct_id}BucketName"), value=bucket.bucket_name)
        return bucket


def _abort_unfinished_uploads() -> s3.LifecycleRule:
    # Parts of an upload that never ends are billed and shown nowhere.
    return s3.LifecycleRule(id="unfinished-uploads", abort_incomplete_multipart_upload_after=cdk.Duration.days(1))
