"""What is asked of AWS before anything is created: data, name, quota, permission."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from training.data.labels import DataError
from training.data.manifest import MANIFEST_NAME, Manifest, parse
from training.data.s3 import Bucket, code_of
from training.sagemaker_jobs.deployment import Deployment, deployment_for
from training.sagemaker_jobs.errors import LaunchError, explained
from training.sagemaker_jobs.jobs import find_tuner
from training.sagemaker_jobs.plan import Plan
from training.sagemaker_jobs.plan_store import find_record


def check(plan: Plan, deployment: Deployment, session: Any) -> Manifest:
    """Run every check; gives the manifest of the data.

    Raises
    ------
    LaunchError
        The first that fails; nothing has been created.
    """
    manifest = check_data(plan, deployment, session)
    check_name(plan, deployment, session)
    check_own(plan, deployment, session)
    check_quota(plan, deployment, session)
    check_permission(plan, deployment, session)
    return manifest


def check_data(plan: Plan, deployment: Deployment, session: Any) -> Manifest:
    """Read the manifest, which is written last: where it is, the set is whole.

    Raises
    ------
    LaunchError
        There is none, or it is damaged.
    """
    with explained(f"read {plan.data}", deployment.policy):
        bucket = Bucket(plan.data, session=session)
        if not bucket.exists():
            raise LaunchError(f"--data {plan.data}: there is no such bucket; allowed: one that exists")
        content = bucket.find(MANIFEST_NAME)
    if content is None:
        advice = f"put the fields there: python -m training ingest FOLDER {plan.data}"
        raise LaunchError(f"--data {plan.data}: no {MANIFEST_NAME} below it; {advice}")
    try:
        return parse(content, f"{plan.data}/{MANIFEST_NAME}")
    except DataError as error:
        raise LaunchError(f"--data {plan.data}: {error}") from error


def check_name(plan: Plan, deployment: Deployment, session: Any) -> None:
    """Refuse a name that a job or sweep has already.

    Raises
    ------
    LaunchError
        It is taken.
    """
    tuner = find_tuner(plan.name, deployment, session) if plan.kind == "sweep" else None
    if tuner or find_record(plan.name, deployment, session):
        word = plan.name.removeprefix(f"leukolens-{plan.environment}-")
        raise LaunchError(
            f"--name {word}: {plan.name} is taken{f' ({tuner.status})' if tuner else ''}; give another --name, "
            f"or go on with that one: --resume {plan.name}"
        )


def check_own(plan: Plan, deployment: Deployment, session: Any) -> None:
    """Refuse a bucket, an image or a role of one's own that is not there; says nothing of what may not be asked.

    Raises
    ------
    LaunchError
        Names the option.
    """
    if plan.output and not Bucket(plan.output, session=session).exists():
        bucket = plan.output.removeprefix("s3://").partition("/")[0]
        raise LaunchError(
            f"--output {plan.output}: there is no bucket {bucket}; make it, or leave out --bucket and --output"
        )
    if plan.image:
        registry, _, name = plan.image.partition("/")
        repository, mark, version = name.partition("@" if "@" in name else ":")
        _demand_existing(
            f"--image {plan.image}: the registry has no such image; push it first, or name one that is there",
            lambda: session.client("ecr").describe_images(
                registryId=registry[:12],
                repositoryName=repository,
                imageIds=[{"imageDigest" if mark == "@" else "imageTag": version}],
            ),
        )
    if plan.role:
        role = plan.role.rpartition("/")[2]
        _demand_existing(
            f"--role {plan.role}: the account has no such role; allowed: one that SageMaker may assume",
            lambda: session.client("iam").get_role(RoleName=role),
        )


_NOT_FOUND = {"NoSuchEntity", "ImageNotFoundException", "RepositoryNotFoundException"}


def _demand_existing(message: str, request: Callable[[], object]) -> None:
    try:
        request()
    except ClientError as error:
        if code_of(error) in _NOT_FOUND:
            raise LaunchError(message) from error
        # The launcher's policy may not let one ask; SageMaker itself refuses then, before anything is billed.
    except BotoCoreError:
        return


def check_quota(plan: Plan, deployment: Deployment, session: Any) -> None:
    """Ask whether the account may use as many instances at a time; says nothing where it may not ask.

    Raises
    ------
    LaunchError
        It may not.
    """
    kinds = (
        ["spot training job"] if plan.spot else ["training job", *(["training warm pool"] if plan.keep_alive_s else [])]
    )
    needed = plan.parallel * plan.instance_count
    try:
        quotas = quotas_of(session.client("service-quotas"))
    except (BotoCoreError, ClientError):
        return  # the launcher's policy may be all that somebody has; SageMaker itself refuses what is too much
    for kind in kinds:
        _demand_quota(plan, deployment, quotas, f"{plan.instance_type} for {kind} usage", needed)


def quotas_of(client: Any) -> dict[str, Any]:
    """Give SageMaker's quotas by name, as boto3's client of Service Quotas tells of each."""
    pages = client.get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
    return {quota["QuotaName"]: quota for page in pages for quota in page["Quotas"]}


def _demand_quota(plan: Plan, deployment: Deployment, quotas: dict[str, Any], name: str, needed: int) -> None:
    quota = quotas.get(name)
    if quota is None:
        raise LaunchError(
            f"--instance-type {plan.instance_type}: {deployment.region} has no quota {name!r}; choose another"
        )
    if quota["Value"] < needed:
        raise LaunchError(
            f"--instance-type {plan.instance_type}: {needed} at a time are more than the quota {name!r}, "
            f"{quota['Value']:g}; lower --max-parallel-jobs or --instance-count, or ask for more: aws service-quotas "
            f"request-service-quota-increase --service-code sagemaker --quota-code {quota['QuotaCode']} "
            f"--desired-value {needed} --region {deployment.region}"
        )


def check_permission(plan: Plan, deployment: Deployment, session: Any) -> None:
    """Ask IAM whether the caller may start this; says nothing where IAM may not be asked.

    Raises
    ------
    LaunchError
        It may not; names the action and the policy that allows it.
    """
    create = "CreateHyperParameterTuningJob" if plan.kind == "sweep" else "CreateTrainingJob"
    resource = "hyper-parameter-tuning-job" if plan.kind == "sweep" else "training-job"
    with explained("ask who is calling", deployment.policy):
        caller = session.client("sts").get_caller_identity()
    needed_actions = {
        f"sagemaker:{create}": f"arn:aws:sagemaker:{deployment.region}:{caller['Account']}:{resource}/{plan.name}",
        "iam:PassRole": deployment_for(plan, deployment).role_arn,
    }
    for action, arn in needed_actions.items():
        try:
            answer = session.client("iam").simulate_principal_policy(
                PolicySourceArn=_principal(caller["Arn"]),
                ActionNames=[action],
                ResourceArns=[arn],
                ContextEntries=[
                    {
                        "ContextKeyName": "iam:PassedToService",
                        "ContextKeyType": "string",
                        "ContextKeyValues": ["sagemaker.amazonaws.com"],
                    }
                ],
            )
        except (BotoCoreError, ClientError):
            return  # few may simulate; the request itself is refused just as well, with nothing created
        if any(result["EvalDecision"] != "allowed" for result in answer["EvaluationResults"]):
            raise LaunchError(
                f"--env {plan.environment}: no permission for {action} on {arn}: ask for {deployment.policy}"
            )


def _principal(arn: str) -> str:
    """Give the role behind an assumed role's session; IAM simulates roles and users."""
    head, _, tail = arn.partition(":assumed-role/")
    return f"{head.replace(':sts:', ':iam:')}:role/{tail.split('/')[0]}" if tail else arn
