"""Find what an earlier stack left, so that a new one takes it over: the way back from destroy.

``cdk destroy`` keeps buckets, key and registry. A new stack would make new buckets beside them, and could not make the
registry at all, whose name is taken; ``cdk import`` puts what is there under the new stack, by this module's mapping.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

from infra.config import Environment
from infra.environments import ConfigError
from infra.operations.errors import explained
from infra.stack import read_outputs, stack_name

_STACK, _LOGICAL = "aws:cloudformation:stack-name", "aws:cloudformation:logical-id"
# Kind of resource in an ARN, the property that identifies it to CloudFormation, and how to read that from the ARN.
_IDENTIFIERS: dict[str, tuple[str, Callable[[str], str]]] = {
    "s3": ("BucketName", lambda arn: arn.rpartition(":")[2]),
    "kms": ("KeyId", lambda arn: arn.rpartition("/")[2]),
}


def find_left(environment: Environment, client: Callable[[str], Any] | None = None) -> dict[str, dict[str, str]]:
    """Give what the environment's storage stack left, by logical id, in the form that ``cdk import`` reads.

    AWS keeps the tags that name stack and logical id on what a deleted stack leaves.

    Raises
    ------
    ConfigError
        If the stack still stands, nothing is left, or two resources claim one place.
    """
    make_client = client or (lambda service: boto3.client(service, region_name=environment.region))
    stack = stack_name(environment, "Storage")
    with explained():
        if read_outputs(make_client("cloudformation"), stack) is not None:
            raise ConfigError(f"the stack {stack} stands: there is nothing to adopt, run make deploy")
        filters = [{"Key": _STACK, "Values": [stack]}]
        pages = make_client("resourcegroupstaggingapi").get_paginator("get_resources")
        resources = [
            resource for page in pages.paginate(TagFilters=filters) for resource in page["ResourceTagMappingList"]
        ]
    left: dict[str, dict[str, str]] = {}
    for resource in resources:
        tags = {tag["Key"]: tag["Value"] for tag in resource["Tags"]}
        service, logical = resource["ResourceARN"].split(":")[2], tags.get(_LOGICAL)
        if service not in _IDENTIFIERS or logical is None:
            continue
        if logical in left:
            raise ConfigError(
                f"{resource['ResourceARN']} and {left[logical]} both were {logical}: keep one, and remove the tags of "
                "the other or delete it (python -m infra empty)"
            )
        name, read = _IDENTIFIERS[service]
        left[logical] = {name: read(resource["ResourceARN"])}
    if not left:
        raise ConfigError(f"nothing in {environment.region} was left by {stack}: run make deploy")
    return dict(sorted(left.items()))


def write_mapping(environment: Environment, output: str, client: Callable[[str], Any] | None = None) -> str:
    """Write what was left to a file for ``cdk import --resource-mapping``, and give what was found."""
    left = find_left(environment, client)
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    Path(output).write_text(json.dumps(left, indent=2) + "\n", "utf-8")
    return f"{len(left)} resources that {stack_name(environment, 'Storage')} left: {', '.join(left)}"
