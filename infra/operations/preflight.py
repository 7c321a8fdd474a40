"""``make preflight ENV=dev``: what would fail in a deploy, each with its fix, before anything is deployed.

Asks the account and changes nothing.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.config import Environment
from infra.rehearsal.container import engine_works

# Made by `cdk bootstrap`; CDK's templates ask for this version or later.
BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
BOOTSTRAP_VERSION = 6
# Service Quotas' code of "Concurrent executions"; AWS keeps this many of them unreserved.
CONCURRENCY_QUOTA = "L-B99A9384"
UNRESERVED = 100
# New accounts are often limited to this much, whatever the documentation says.
NEW_ACCOUNT_MEMORY_MB = 3008


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes
    ----------
    name
        Of the check.
    ok
        Whether a deploy gets past it.
    said
        What was found; where not ok, with the fix.
    """

    name: str
    ok: bool
    said: str


Client = Callable[[str], Any]


def preflight(
    environment: Environment, client: Client | None = None, works: Callable[[str], bool] = engine_works
) -> list[Finding]:
    """Run every check that can be run; without credentials, those of this machine alone.

    Parameters
    ----------
    environment
        What is to be deployed.
    client
        Makes a client of a service's name; boto3's in the environment's region, if left out.
    works
        Says whether a command is that of a container engine which runs.
    """
    made = client or (lambda service: boto3.client(service, region_name=environment.region))
    findings = [_engine(works), _safely("credentials", lambda: _credentials(environment, made))]
    if findings[-1].ok:
        checks: dict[str, Callable[[Environment, Client], Finding]] = {
            "bootstrap": _bootstrap,
            "Lambda memory": _memory,
            "Lambda concurrency": _concurrency,
            "page host": _page,
            "SageMaker": _training,
        }
        findings += [_safely(name, partial(check, environment, made)) for name, check in checks.items()]
    return findings


def _safely(name: str, check: Callable[[], Finding]) -> Finding:
    """Turn a refusal of AWS into a finding: a check that may not ask is no reason to stop asking others."""
    try:
        return check()
    except ClientError as error:
        told = error.response["Error"]
        return Finding(name, False, f"AWS says {told['Code']}: {told['Message']}")
    except BotoCoreError as error:
        return Finding(name, False, f"{error}: sign in (aws sso login) or set AWS_PROFILE, then try again")


def _engine(works: Callable[[str], bool]) -> Finding:
    """See that the CDK can build images: it calls ``CDK_DOCKER``, or else ``docker``."""
    called = os.environ.get("CDK_DOCKER", "docker")
    if works(called):
        return Finding("container engine", True, called)
    other = next((name for name in ("docker", "podman", "finch") if name != called and works(name)), None)
    fix = f"export CDK_DOCKER={other}" if other else "install Docker or podman, and start it"
    return Finding("container engine", False, f"{called} does not answer, and images are built with it: {fix}")


def _credentials(environment: Environment, client: Client) -> Finding:
    account = client("sts").get_caller_identity()["Account"]
    if environment.account and account != environment.account:
        return Finding(
            "credentials",
            False,
            f"they are for account {account}, but environments/{environment.name}.toml names {environment.account}: "
            "set AWS_PROFILE to that account's profile",
        )
    return Finding("credentials", True, f"account {account}, {environment.region}")


def _bootstrap(environment: Environment, client: Client) -> Finding:
    command = f"make bootstrap ENV={environment.name}"
    try:
        found = int(client("ssm").get_parameter(Name=BOOTSTRAP_PARAMETER)["Parameter"]["Value"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterNotFound":
            raise
        return Finding("bootstrap", False, f"the account is not bootstrapped in this region: run {command}")
    if found < BOOTSTRAP_VERSION:
        return Finding("bootstrap", False, f"version {found} is older than {BOOTSTRAP_VERSION}: run {command} again")
    return Finding("bootstrap", True, f"version {found}")


def _memory(environment: Environment, client: Client) -> Finding:
    wanted = environment.inference.memory_mb
    if wanted <= NEW_ACCOUNT_MEMORY_MB:
        return Finding("Lambda memory", True, f"{wanted} MB is within every account's limit")
    # No API tells this limit; an account that has a larger function has it raised.
    pages = client("lambda").get_paginator("list_functions").paginate()
    largest = max((found["MemorySize"] for page in pages for found in page["Functions"]), default=0)
    if largest > NEW_ACCOUNT_MEMORY_MB:
        return Finding("Lambda memory", True, f"the account has a function of {largest} MB")
    return Finding(
        "Lambda memory",
        False,
        f"{wanted} MB may be refused: new accounts are limited to {NEW_ACCOUNT_MEMORY_MB} MB. Ask AWS support to raise "
        f"it, or set inference.memory_mb to {NEW_ACCOUNT_MEMORY_MB} or less",
    )


def _concurrency(environment: Environment, client: Client) -> Finding:
    limits = client("lambda").get_account_settings()["AccountLimit"]
    limit, free = limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]
    reserved = max(environment.inference.reserved_concurrency or 0, environment.inference.provisioned_concurrency)
    if reserved and free - reserved < UNRESERVED:
        return Finding(
            "Lambda concurrency",
            False,
            f"{reserved} cannot be reserved: {free} of {limit} are free, and {UNRESERVED} must stay so. Lower "
            f"inference.reserved_concurrency, or ask for more: aws service-quotas request-service-quota-increase "
            f"--service-code lambda --quota-code {CONCURRENCY_QUOTA} --desired-value {reserved + UNRESERVED}",
        )
    if environment.batch.max_concurrency > free:
        return Finding(
            "Lambda concurrency",
            False,
            f"batch.max_concurrency is {environment.batch.max_concurrency}, and {free} are free: a batch would "
            "throttle the API. Lower it, or ask for more",
        )
    return Finding("Lambda concurrency", True, f"{free} of {limit} free")


def _page(environment: Environment, client: Client) -> Finding:
    if environment.frontend.host != "apprunner":
        return Finding("page host", True, f"{environment.frontend.host}: open to every account")
    # App Runner takes no new customers since 2026-04-30: who has a service there may make another.
    services = client("apprunner").list_services()["ServiceSummaryList"]
    if services:
        return Finding("page host", True, f"App Runner: the account has {len(services)} service(s) there")
    return Finding(
        "page host",
        False,
        "App Runner is closed to new customers since 2026-04-30, and this account has no service there: set "
        'frontend.host = "ecs-express"',
    )


def _training(environment: Environment, client: Client) -> Finding:
    if not environment.training.enabled:
        return Finding("SageMaker", True, "training is not enabled here")
    quotas = client("service-quotas")
    name = f"{environment.training.instance_type} for training job usage"
    pages = quotas.get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
    found = next((quota for page in pages for quota in page["Quotas"] if quota["QuotaName"] == name), None)
    if found is None:
        return Finding(
            "SageMaker", False, f"there is no quota {name!r} in {environment.region}: choose another instance"
        )
    if found["Value"] < 1:
        return Finding(
            "SageMaker",
            False,
            f"the quota for {name} is 0: aws service-quotas request-service-quota-increase --service-code sagemaker "
            f"--quota-code {found['QuotaCode']} --desired-value 1",
        )
    return Finding("SageMaker", True, f"{found['Value']:g} x {name}")
