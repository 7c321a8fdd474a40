"""Every call that code makes of AWS, noted as it is made, and what IAM is asked for each."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.client import BaseClient

from infra.rehearsal.account import ID, PARTITION, REGION, Account, Request

# As IAM calls a service or an operation, where botocore has another name.
_SERVICES = {"service-quotas": "servicequotas", "stepfunctions": "states", "resourcegroupstaggingapi": "tag"}
_S3 = {
    "HeadObject": "GetObject",
    "ListObjectsV2": "ListBucket",
    "HeadBucket": "ListBucket",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "ListObjectVersions": "ListBucketVersions",
}
# Which IAM lets everybody do.
_FREE = {("sts", "GetCallerIdentity")}
# Which know no resource.
_EVERYTHING = {
    *("ecr:GetAuthorizationToken", "servicequotas:ListServiceQuotas", "cloudwatch:PutMetricData"),
    *("sagemaker:ListTrainingJobs", "sagemaker:ListHyperParameterTuningJobs", "iam:SimulatePrincipalPolicy"),
}


@dataclass(frozen=True)
class Call:
    """One call of boto3."""

    service: str
    operation: str
    params: dict[str, Any]


@contextlib.contextmanager
def recorded() -> Iterator[list[Call]]:
    """Note every call that any client of boto3 makes meanwhile."""
    calls: list[Call] = []
    make = BaseClient._make_api_call

    def noting(self: Any, operation: str, params: dict[str, Any]) -> Any:
        calls.append(Call(self.meta.service_model.service_name, operation, params))
        return make(self, operation, params)

    BaseClient._make_api_call = noting
    try:
        yield calls
    finally:
        BaseClient._make_api_call = make


def requests(calls: list[Call], account: Account) -> list[Request]:
    """Give what IAM is asked for calls, each once."""
    asked = {(one.action, one.resource): one for call in calls for one in _requests(call, account)}
    return list(asked.values())


def _requests(call: Call, account: Account) -> Iterator[Request]:
    if (call.service, call.operation) in _FREE:
        return
    service = _SERVICES.get(call.service, call.service)
    if service == "s3":
        yield from _of_s3(call, account)
        return
    action = f"{service}:{call.operation}"
    resource = "*" if action in _EVERYTHING else _resource(call)
    yield Request(action, resource)
    if service == "sagemaker" and call.params.get("Tags"):  # of what is made with tags, IAM asks for both
        yield Request("sagemaker:AddTags", resource)
    if role := call.params.get("RoleArn") or call.params.get("TrainingJobDefinition", {}).get("RoleArn"):
        yield Request("iam:PassRole", role, {"iam:PassedToService": "sagemaker.amazonaws.com"})


def _of_s3(call: Call, account: Account) -> Iterator[Request]:
    action = _S3.get(call.operation, call.operation)
    bucket = f"arn:{PARTITION}:s3:::{call.params['Bucket']}"
    if call.operation == "DeleteObjects":  # S3 asks for each, and for another action where a version is named
        for one in call.params["Delete"]["Objects"]:
            yield Request(f"s3:DeleteObject{'Version' if 'VersionId' in one else ''}", f"{bucket}/{one['Key']}")
        return
    on_object = "Key" in call.params
    context = {"s3:prefix": call.params["Prefix"]} if "Prefix" in call.params else {}
    yield Request(f"s3:{action}", f"{bucket}/{call.params['Key']}" if on_object else bucket, context)
    # S3 asks in the caller's name for the bucket's key.
    key = account.arn("AWS::KMS::Key", "Key")
    if action == "GetObject":
        yield Request("kms:Decrypt", key)
    elif action == "PutObject":
        yield Request("kms:GenerateDataKey", key)
        if call.operation != "PutObject":
            yield Request("kms:Decrypt", key)


# The parameters that name a resource, by service, and its ARN's end; the first that a call has is taken.
_NAMED: dict[str, dict[str, str]] = {
    "ecr": {"repositoryName": "repository/{}", "repositoryNames": "repository/{}"},
    "cloudformation": {"StackName": "stack/{}/0a1b"},
    "sagemaker": {
        "TrainingJobName": "training-job/{}",
        "HyperParameterTuningJobName": "hyper-parameter-tuning-job/{}",
        "ResourceArn": "",
    },
    "logs": {"logStreamName": "log-group:{logGroupName}:log-stream:{}", "logGroupName": "log-group:{}:"},
    "secretsmanager": {"SecretId": ""},
    "cognito-idp": {"UserPoolId": "userpool/{}"},
    "stepfunctions": {"stateMachineArn": "", "executionArn": "", "mapRunArn": ""},
}


def _resource(call: Call) -> str:
    """Give the ARN of what a call names."""
    for parameter, form in _NAMED.get(call.service, {}).items():
        if (given := call.params.get(parameter)) is None:
            continue
        name = given[0] if isinstance(given, list) else given
        if not form:
            return str(name)
        owner = call.params.get("registryId", ID)
        return f"arn:{PARTITION}:{call.service}:{REGION}:{owner}:{form.format(name, **call.params)}"
    raise NotImplementedError(f"{call.service}:{call.operation} names its resource by {sorted(call.params)}: say how")
