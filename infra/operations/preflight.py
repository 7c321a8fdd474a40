"""``make preflight ENV=dev``: what would fail in a deploy, each with its fix, before anything is deployed.

Asks the account and changes nothing. What the account does not tell is advice: a check that cannot know stops nobody,
and one that is wrong can be left out by its name (``SKIP=bootstrap,SageMaker``).
"""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.config import Environment
from infra.environments import ConfigError
from infra.operations.errors import no_answer, refusal
from infra.rehearsal.container import engine_works

# Made by `cdk bootstrap`; CDK's templates ask for this version or later.
BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
BOOTSTRAP_VERSION = 6
# Service Quotas' code of "Concurrent executions"; AWS keeps this many of them unreserved.
CONCURRENCY_QUOTA = "L-B99A9384"
UNRESERVED = 100
# What an account has that is not new.
_USUAL_CONCURRENCY = 1000
# New accounts are often limited to this much, whatever the documentation says.
NEW_ACCOUNT_MEMORY_MB = 3008
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/express-service-overview.html: its load balancer's.
_PUBLIC_ZONES = 2
# Made with an account's first cluster, and not always in time for the first service:
# https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/818.
_ECS_ROLE = "AWSServiceRoleForECS"


class Kind(Enum):
    """What a check found."""

    OK = "ok"
    ADVICE = "ADVICE"
    """It may fail, and nothing here can tell."""
    FIX = "FIX"
    """It would fail."""
    SKIPPED = "skip"


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes
    ----------
    name
        Of the check.
    kind
        Whether a deploy gets past it.
    said
        What was found; where not ok, with the fix.
    """

    name: str
    kind: Kind
    said: str


Client = Callable[[str], Any]
_Check = Callable[[Environment, Client], tuple[Kind, str]]


def preflight(
    environment: Environment,
    client: Client | None = None,
    works: Callable[[str], bool] = engine_works,
    skip: Sequence[str] = (),
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
    skip
        Names of checks to leave out.

    Raises
    ------
    ConfigError
        If ``skip`` names no check.
    """
    make_client = client or (lambda service: boto3.client(service, region_name=environment.region))
    checks: dict[str, _Check] = {
        "container engine": lambda *_: _engine(works),
        "credentials": _credentials,
        "bootstrap": _bootstrap,
        "Lambda memory": _memory,
        "Lambda concurrency": _concurrency,
        "page host": _page,
        "sign-in prefix": _prefix,
        "SageMaker": _training,
    }
    if unknown := sorted(set(skip) - set(checks)):
        raise ConfigError(f"no check is named {', '.join(unknown)}; there are {', '.join(checks)}")
    findings: list[Finding] = []
    for name, check in checks.items():
        finding = _safely(name, partial(check, environment, make_client)) if name not in skip else None
        findings.append(finding or Finding(name, Kind.SKIPPED, "left out"))
        if name == "credentials" and findings[-1].kind is Kind.FIX:
            break  # nothing else can be asked
    return findings


def summary(findings: Sequence[Finding]) -> str:
    """Count what was found."""
    counts = Counter(finding.kind for finding in findings)
    named = {Kind.OK: "passed", Kind.ADVICE: "to think of", Kind.FIX: "to fix", Kind.SKIPPED: "left out"}
    return ", ".join(f"{counts[kind]} {name}" for kind, name in named.items())


def _safely(name: str, check: Callable[[], tuple[Kind, str]]) -> Finding:
    """Turn a refusal of AWS into a finding: a check that may not ask is no reason to stop asking others."""
    try:
        return Finding(name, *check())
    except ClientError as error:
        code = error.response["Error"]["Code"]
        # Who may not ask learns nothing of what is asked for.
        if "Denied" in code or "NotAuthorized" in code:
            return Finding(name, Kind.ADVICE, f"cannot tell: {refusal(error)}")
        return Finding(name, Kind.FIX, refusal(error))
    except BotoCoreError as error:
        return Finding(name, Kind.FIX, no_answer(error))


def _engine(works: Callable[[str], bool]) -> tuple[Kind, str]:
    """See that the CDK can build images: it calls ``CDK_DOCKER``, or else ``docker``."""
    called = os.environ.get("CDK_DOCKER", "docker")
    if works(called):
        return Kind.OK, called
    other = next((name for name in ("docker", "podman", "finch") if name != called and works(name)), None)
    fix = f"export CDK_DOCKER={other}" if other else "install Docker or podman, and start it"
    return Kind.FIX, f"{called} does not answer, and images are built with it: {fix}"


def _credentials(environment: Environment, client: Client) -> tuple[Kind, str]:
    account = client("sts").get_caller_identity()["Account"]
    if environment.account and account != environment.account:
        return Kind.FIX, (
            f"they are for account {account}, but environments/{environment.name}.toml names {environment.account}: "
            "set AWS_PROFILE to that account's profile"
        )
    return Kind.OK, f"account {account}, {environment.region}"


def _bootstrap(environment: Environment, client: Client) -> tuple[Kind, str]:
    command = f"make bootstrap ENV={environment.name}"
    try:
        version = int(client("ssm").get_parameter(Name=BOOTSTRAP_PARAMETER)["Parameter"]["Value"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "ParameterNotFound":
            raise
        return Kind.FIX, f"the account is not bootstrapped in this region: run {command}"
    if version < BOOTSTRAP_VERSION:
        return Kind.FIX, f"version {version} is older than {BOOTSTRAP_VERSION}: run {command} again"
    return Kind.OK, f"version {version}"


def _memory(environment: Environment, client: Client) -> tuple[Kind, str]:
    wanted = environment.inference.memory_mb
    if wanted <= NEW_ACCOUNT_MEMORY_MB:
        return Kind.OK, f"{wanted} MB is within every account's limit"
    # No API tells this limit; an account that has a larger function has it raised.
    pages = client("lambda").get_paginator("list_functions").paginate()
    largest = max((function["MemorySize"] for page in pages for function in page["Functions"]), default=0)
    if largest > NEW_ACCOUNT_MEMORY_MB:
        return Kind.OK, f"the account has a function of {largest} MB"
    return Kind.ADVICE, (
        f"{wanted} MB may be refused: new accounts are limited to {NEW_ACCOUNT_MEMORY_MB} MB, and no API tells whether "
        "this one's limit was raised. If it was, go on; else ask AWS support to raise it, or set inference.memory_mb "
        f"to {NEW_ACCOUNT_MEMORY_MB} or less"
    )


def _concurrency(environment: Environment, client: Client) -> tuple[Kind, str]:
    service = client("lambda")
    limits = service.get_account_settings()["AccountLimit"]
    limit, free = limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]
    reserved = max(environment.inference.reserved_concurrency or 0, environment.inference.provisioned_concurrency)
    # What an earlier deploy reserved for this very function is there for the next.
    own = _reserved_before(environment, service)
    ask = (
        f"aws service-quotas request-service-quota-increase --service-code lambda --quota-code {CONCURRENCY_QUOTA} "
        "--desired-value"
    )
    if reserved and free + own - reserved < UNRESERVED:
        return Kind.FIX, (
            f"{reserved} cannot be reserved: {free + own} of {limit} are free, and {UNRESERVED} must stay so. Lower "
            f"inference.reserved_concurrency, or ask for more: {ask} {limit - free - own + reserved + UNRESERVED}"
        )
    if environment.batch.max_concurrency > free:
        return Kind.ADVICE, (
            f"batch.max_concurrency is {environment.batch.max_concurrency}, and {free} are free: a batch would "
            f"throttle the API. Lower it, or ask for more: {ask} {_USUAL_CONCURRENCY}"
        )
    return Kind.OK, f"{free + own} of {limit} free"


def _reserved_before(environment: Environment, service: Any) -> int:
    name = f"leukolens-{environment.name}-predict"
    try:
        return int(service.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions", 0))
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return 0


def _page(environment: Environment, client: Client) -> tuple[Kind, str]:
    host = environment.frontend.host
    if host == "none":
        return Kind.OK, "no page"
    if host == "ecs-express":
        return _express(client)
    # App Runner takes no new customers since 2026-04-30; who was one before may go on, in any region.
    services = client("apprunner").list_services()["ServiceSummaryList"]
    if services:
        return Kind.OK, f"App Runner: the account has {len(services)} service(s) there"
    return Kind.ADVICE, (
        "App Runner is closed to new customers since 2026-04-30, and this account has no service in this region. If it "
        'used App Runner elsewhere, go on; else set frontend.host = "ecs-express"'
    )


def _express(client: Client) -> tuple[Kind, str]:
    """See that there is what ECS Express takes and does not make: the default VPC's public subnets, and ECS's role."""
    ec2 = client("ec2")
    make = "make one: aws ec2 create-default-vpc"
    networks = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    if not networks:
        return Kind.FIX, f"ECS Express puts the page into the default VPC, and this region has none: {make}"
    of_network = {"Name": "vpc-id", "Values": [networks[0]["VpcId"]]}
    subnets = ec2.describe_subnets(Filters=[of_network])["Subnets"]
    zones = {subnet["AvailabilityZone"] for subnet in subnets if subnet["MapPublicIpOnLaunch"]}
    if len(zones) < _PUBLIC_ZONES:
        return Kind.FIX, (
            f"ECS Express needs public subnets in {_PUBLIC_ZONES} zones, and the default VPC "
            f"{networks[0]['VpcId']} has them in {len(zones)}: aws ec2 create-default-subnet --availability-zone ..."
        )
    try:
        client("iam").get_role(RoleName=_ECS_ROLE)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise
        return Kind.ADVICE, (
            "this account never used ECS, and its first service may fail with 'Unable to assume the service linked "
            "role': aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com, or deploy once more"
        )
    return Kind.OK, f"ECS Express: public subnets in {len(zones)} zones"


def _prefix(environment: Environment, client: Client) -> tuple[Kind, str]:
    prefix, cognito = environment.identity.domain_prefix, client("cognito-idp")
    domain = cognito.describe_user_pool_domain(Domain=prefix)["DomainDescription"]
    if not domain.get("UserPoolId"):
        return Kind.OK, f"{prefix} is no pool's of this account; another account's shows in the deploy alone"
    pool = cognito.describe_user_pool(UserPoolId=domain["UserPoolId"])["UserPool"]["Name"]
    if pool != f"leukolens-{environment.name}":
        return Kind.FIX, f"{prefix} is taken by the user pool {pool}: set another identity.domain_prefix"
    return Kind.OK, f"{prefix} is this environment's"


def _training(environment: Environment, client: Client) -> tuple[Kind, str]:
    if not environment.training.enabled:
        return Kind.OK, "training is not enabled here"
    quotas = client("service-quotas")
    name = f"{environment.training.instance_type} for training job usage"
    pages = quotas.get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
    quota = next((quota for page in pages for quota in page["Quotas"] if quota["QuotaName"] == name), None)
    if quota is None:
        return Kind.FIX, f"there is no quota {name!r} in {environment.region}: choose another instance"
    if quota["Value"] < 1:
        # A quota bounds jobs, and not the deploy.
        return Kind.ADVICE, (
            f"the quota for {name} is 0, so that no job starts: aws service-quotas request-service-quota-increase "
            f"--service-code sagemaker --quota-code {quota['QuotaCode']} --desired-value 1"
        )
    return Kind.OK, f"{quota['Value']:g} x {name}"
