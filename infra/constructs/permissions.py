"""Allow a role exactly what it needs, and say why where a pattern has to stand for a name."""

import json
from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct, IConstruct

from infra.constructs.nag import acknowledge

_READ = ("s3:GetObject",)
_WRITE = ("s3:PutObject",)
# What Step Functions' ResultWriter needs: it writes its files in parts.
WRITE_IN_PARTS = ("s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")


def account_wide(name: str, scope: IConstruct) -> str:
    """Give a name that is one in the whole account, whatever the region: of a role, a policy, a budget, a dashboard.

    ``leukolens-dev-deploy`` of Frankfurt is ``leukolens-dev-deploy-eu-central-1``, so that the same environment can
    stand in two regions.
    """
    return f"{name}-{cdk.Stack.of(scope).region}"


def allow(
    role: iam.Role,
    actions: list[str],
    resource: str,
    *,
    reason: str = "",
    conditions: Mapping[str, Mapping[str, object]] | None = None,
) -> None:
    """Let ``role`` do ``actions`` on one resource.

    Parameters
    ----------
    resource
        An ARN of the role's own stack; one with ``*`` needs a ``reason``.
    reason
        Why a pattern, for whoever reviews the role.
    conditions
        That must hold besides.
    """
    role.add_to_policy(iam.PolicyStatement(actions=actions, resources=[resource], conditions=conditions))
    if reason:
        acknowledge_pattern(role, resource, reason)


def allow_objects(
    role: iam.Role,
    bucket: s3.Bucket,
    key: kms.IKey,
    *,
    reason: str,
    read: str | None = None,
    write: str | None = None,
    in_parts: bool = False,
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
    in_parts
        Whether it writes files too large for one request.
    """
    actions: dict[str, set[str]] = {}
    if read is not None:
        actions.setdefault(read, set()).update(_READ)
    if write is not None:
        actions.setdefault(write, set()).update(WRITE_IN_PARTS if in_parts else _WRITE)
    for pattern, allowed in actions.items():
        role.add_to_policy(iam.PolicyStatement(actions=sorted(allowed), resources=[bucket.arn_for_objects(pattern)]))
        acknowledge_objects(role, bucket, pattern, reason)
    # S3 decrypts the data key again to finish a multipart upload, so writing needs both.
    needed = ["kms:Decrypt", "kms:GenerateDataKey"] if write is not None else ["kms:Decrypt"]
    role.add_to_policy(iam.PolicyStatement(actions=needed, resources=[key.key_arn]))


def acknowledge_objects(construct: IConstruct, bucket: s3.Bucket, pattern: str, reason: str) -> None:
    """Accept a pattern of object keys of another stack's bucket."""
    # cdk-nag names the finding by the reference that CDK puts between the stacks.
    producer = cdk.Stack.of(bucket)
    read = {"StackName": producer.stack_name, "Region": producer.region, "OutputName": _output_name(bucket)}
    reference = json.dumps({"Fn::GetStackOutput": read}, separators=(",", ":"))
    acknowledge(construct, f"AwsSolutions-IAM5[Resource::{reference}/{pattern}]", reason)


def _output_name(bucket: s3.Bucket) -> str:
    """Give the output that CDK makes of a bucket's ARN when another stack refers to it."""
    arn = json.dumps(cdk.Stack.of(bucket).resolve(bucket.bucket_arn), separators=(",", ":"))
    # Where CDK puts it, in a stack of nobody's: the name depends on the place alone.
    scratch = cdk.Stack()
    output = cdk.CfnOutput(Construct(scratch, "Publish"), f"Output{arn}", value="-")
    return str(scratch.resolve(output.logical_id))


def acknowledge_pattern(construct: IConstruct, resource: str, reason: str) -> None:
    """Accept a pattern in an ARN of the construct's own stack."""
    pattern = _as_nag_shows(cdk.Stack.of(construct).resolve(resource))
    acknowledge(construct, f"AwsSolutions-IAM5[Resource::{pattern}]", reason)


def _as_nag_shows(value: object) -> str:
    """Write a resolved ARN as cdk-nag does: ``<Logical.Attribute>`` where CloudFormation fills something in."""
    match value:
        case str():
            return value
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(_as_nag_shows(part) for part in parts)
        case {"Ref": str(name)}:
            return f"<{name}>"
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"<{name}.{attribute}>"
    raise TypeError(f"cdk-nag's form of {value!r} is not known here: write the ARN from names")
