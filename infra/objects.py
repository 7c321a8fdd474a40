"""Let a role read or write objects of one bucket: only those, by two actions, with the key that they need."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3

from infra.acknowledge import acknowledge


def allow_objects(
    role: iam.Role, bucket: s3.Bucket, key: kms.IKey, *, reason: str, read: str | None = None, write: str | None = None
) -> None:
    """Let ``role`` read or write the objects whose keys match a pattern, and nothing else of the bucket.

    CDK's own ``grant_read`` and ``grant_put`` add wildcard actions (``s3:GetObject*``, ``s3:List*``).

    Parameters
    ----------
    role, bucket, key
        Who, where, and the key that encrypts there. The bucket is of another stack than the role.
    reason
        Why the pattern has to be one, for whoever reviews the role.
    read, write
        Patterns of object keys: ``*``, ``batches/*``.
    """
    actions: dict[str, list[str]] = {}
    if read is not None:
        actions.setdefault(read, []).append("s3:GetObject")
    if write is not None:
        actions.setdefault(write, []).append("s3:PutObject")
    # The name that CDK gives to the bucket's ARN between the stacks, which is how cdk-nag names the finding.
    exported = cdk.Stack.of(role).resolve(cdk.Stack.of(bucket).export_value(bucket.bucket_arn))["Fn::ImportValue"]
    for pattern, allowed in actions.items():
        role.add_to_policy(iam.PolicyStatement(actions=allowed, resources=[bucket.arn_for_objects(pattern)]))
        acknowledge(role, f"AwsSolutions-IAM5[Resource::{exported}/{pattern}]", reason)
    # S3 decrypts the data key again to finish a multipart upload, so writing needs both.
    needed = ["kms:Decrypt", "kms:GenerateDataKey"] if write is not None else ["kms:Decrypt"]
    role.add_to_policy(iam.PolicyStatement(actions=needed, resources=[key.key_arn]))
