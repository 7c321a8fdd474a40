"""Each thing that would fail in a deploy is found before it, with its fix; what cannot be known stops nobody."""

import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from infra.environments import ConfigError, load_environment
from infra.operations.preflight import Kind, preflight, summary

ROOT = Path(__file__).resolve().parents[2]


class Account:
    """An account in which a deploy would work, until a test changes something."""

    def __init__(self):
        self.account = "123456789012"
        self.bootstrap = "30"
        self.free = 1000
        self.reserved = None
        self.largest_function_mb = 128
        self.page_services = [{"ServiceName": "leukolens-dev-page"}]
        self.training_quota = 2.0
        self.networks = [{"VpcId": "vpc-1"}]
        self.public_zones = ["a", "b"]
        self.used_ecs = True
        self.prefix_of = None
        self.signed_in = True

    def __call__(self, service):
        return _Client(self)


class _Client:
    def __init__(self, account):
        self._account = account

    def get_caller_identity(self):
        if not self._account.signed_in:
            raise NoCredentialsError
        return {"Account": self._account.account}

    def get_parameter(self, Name):  # noqa: N803 - as boto3 names it
        if self._account.bootstrap is None:
            raise ClientError({"Error": {"Code": "ParameterNotFound", "Message": Name}}, "GetParameter")
        return {"Parameter": {"Value": self._account.bootstrap}}

    def get_account_settings(self):
        if self._account.free is None:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetAccountSettings")
        return {"AccountLimit": {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": self._account.free}}

    def get_function_concurrency(self, FunctionName):  # noqa: N803 - as boto3 names it
        if self._account.reserved is None:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": ""}}, "GetFunctionConcurrency")
        return {"ReservedConcurrentExecutions": self._account.reserved}

    def list_services(self):
        return {"ServiceSummaryList": self._account.page_services}

    def describe_vpcs(self, Filters):  # noqa: N803 - as boto3 names it
        return {"Vpcs": self._account.networks}

    def describe_subnets(self, Filters):  # noqa: N803 - as boto3 names it
        zones = self._account.public_zones
        private = [{"AvailabilityZone": "c", "MapPublicIpOnLaunch": False}]
        return {"Subnets": [{"AvailabilityZone": zone, "MapPublicIpOnLaunch": True} for zone in zones] + private}

    def get_role(self, RoleName):  # noqa: N803 - as boto3 names it
        if not self._account.used_ecs:
            raise ClientError({"Error": {"Code": "NoSuchEntity", "Message": RoleName}}, "GetRole")
        return {"Role": {"RoleName": RoleName}}

    def describe_user_pool_domain(self, Domain):  # noqa: N803 - as boto3 names it
        return {"DomainDescription": {"UserPoolId": "pool"} if self._account.prefix_of else {}}

    def describe_user_pool(self, UserPoolId):  # noqa: N803 - as boto3 names it
        return {"UserPool": {"Name": self._account.prefix_of}}

    def get_paginator(self, operation):
        account = self._account

        class Pages:
            def paginate(self, **_):
                if operation == "list_functions":
                    return [{"Functions": [{"MemorySize": account.largest_function_mb}]}]
                quota = {
                    "QuotaName": "ml.m5.xlarge for training job usage",
                    "QuotaCode": "L-CCE2AFA6",
                    "Value": account.training_quota,
                }
                return [{"Quotas": [quota] if account.training_quota is not None else []}]

        return Pages()


@pytest.fixture
def account():
    return Account()


def _found(environment, account, **options):
    return {finding.name: finding for finding in preflight(environment, account, works=_everything, **options)}


def _everything(_):
    return True


def _with_page(environment, host):
    frontend = environment.frontend.model_copy(update={"host": host})
    return environment.model_copy(update={"frontend": frontend})


DEV, PROD = load_environment("dev"), load_environment("prod")
EXPRESS = _with_page(DEV, "ecs-express")


@pytest.mark.parametrize(
    ("working", "asked", "expected"),
    [
        ({"docker"}, None, None),
        ({"podman"}, "podman", None),
        ({"podman"}, None, "docker does not answer, and images are built with it: export CDK_DOCKER=podman"),
        ({"docker"}, "podman", "podman does not answer, and images are built with it: export CDK_DOCKER=docker"),
        (set(), None, "install Docker or podman, and start it"),
    ],
)
def test_an_engine_that_does_not_answer_is_told_first(account, monkeypatch, working, asked, expected):
    monkeypatch.delenv("CDK_DOCKER", raising=False)
    if asked:
        monkeypatch.setenv("CDK_DOCKER", asked)
    first = preflight(DEV, account, works=working.__contains__)[0]
    assert first.kind is (Kind.FIX if expected else Kind.OK)
    assert (expected or "") in first.said


@pytest.mark.parametrize("environment", [DEV, EXPRESS, _with_page(DEV, "none")])
def test_an_account_that_is_ready_passes_every_check(account, environment):
    found = _found(environment, account)
    assert len(found) == 8
    assert {finding.kind for finding in found.values()} == {Kind.OK}


def test_without_credentials_nothing_else_is_asked(account):
    account.signed_in = False
    _, finding = preflight(DEV, account, works=_everything)
    assert finding.kind is Kind.FIX
    assert "aws sso login" in finding.said


def test_another_account_than_the_environments_is_named(account):
    environment = DEV.model_copy(update={"account": "999999999999"})
    assert "environments/dev.toml names 999999999999" in _found(environment, account)["credentials"].said


@pytest.mark.parametrize(
    ("environment", "change", "value", "name", "kind", "said"),
    [
        (DEV, "bootstrap", None, "bootstrap", Kind.FIX, "run make bootstrap ENV=dev"),
        (DEV, "bootstrap", "5", "bootstrap", Kind.FIX, "version 5 is older than 6"),
        (DEV, "training_quota", 0.0, "SageMaker", Kind.ADVICE, "--quota-code L-CCE2AFA6 --desired-value 1"),
        (DEV, "training_quota", None, "SageMaker", Kind.FIX, "choose another instance"),
        (DEV, "free", 10, "Lambda concurrency", Kind.ADVICE, "batch.max_concurrency is 20, and 10 are free"),
        (DEV, "free", 10, "Lambda concurrency", Kind.ADVICE, "--quota-code L-B99A9384 --desired-value 1000"),
        (DEV, "free", None, "Lambda concurrency", Kind.ADVICE, "cannot tell: AWS says AccessDenied: no"),
        # The account's limit may have been raised, which nothing tells.
        (PROD, "largest_function_mb", 128, "Lambda memory", Kind.ADVICE, "3538 MB may be refused"),
        (PROD, "largest_function_mb", 10_240, "Lambda memory", Kind.OK, "a function of 10240 MB"),
        (PROD, "free", 150, "Lambda concurrency", Kind.FIX, "100 cannot be reserved: 150 of 1000 are free"),
        # A customer of App Runner may have no service in this region.
        (DEV, "page_services", [], "page host", Kind.ADVICE, 'else set frontend.host = "ecs-express"'),
        (EXPRESS, "page_services", [], "page host", Kind.OK, "public subnets in 2 zones"),
        (EXPRESS, "networks", [], "page host", Kind.FIX, "aws ec2 create-default-vpc"),
        (EXPRESS, "public_zones", ["a", "a"], "page host", Kind.FIX, "has them in 1"),
        (EXPRESS, "used_ecs", False, "page host", Kind.ADVICE, "aws iam create-service-linked-role"),
        (DEV, "prefix_of", "another", "sign-in prefix", Kind.FIX, "is taken by the user pool another"),
        (DEV, "prefix_of", "leukolens-dev", "sign-in prefix", Kind.OK, "is this environment's"),
    ],
)
def test_each_check_tells_what_would_fail_from_what_may(account, environment, change, value, name, kind, said):
    setattr(account, change, value)
    finding = _found(environment, account)[name]
    assert finding.kind is kind
    assert said in finding.said


def test_the_second_deploy_counts_its_own_reserve_once(account):
    account.free, account.reserved, account.largest_function_mb = 150, 100, 10_240
    assert _found(PROD, account)["Lambda concurrency"].kind is not Kind.FIX


def test_a_check_is_left_out_by_its_name(account):
    account.bootstrap = None
    found = _found(DEV, account, skip=["bootstrap"])
    assert found["bootstrap"].kind is Kind.SKIPPED
    assert summary(found.values()) == "7 passed, 0 to think of, 0 to fix, 1 left out"
    with pytest.raises(ConfigError, match="no check is named bootstrp; there are container engine, credentials"):
        _found(DEV, account, skip=["bootstrp"])


@pytest.mark.parametrize(
    ("kinds", "code"), [(["OK", "ADVICE"], 0), (["OK", "FIX"], 1), (["OK", "SKIPPED"], 0)], ids=lambda value: str(value)
)
def test_only_what_would_fail_fails_the_command(tmp_path, kinds, code):
    """The command itself, with an account's answers in place of AWS."""
    script = tmp_path / "run.py"
    script.write_text(
        "import sys\n"
        "from infra import __main__ as command\n"
        "from infra.operations.preflight import Finding, Kind\n"
        f"found = [Finding(name, Kind[name], 'said') for name in {kinds!r}]\n"
        "command.preflight.preflight = lambda environment, skip: found\n"
        "sys.argv = ['infra', 'preflight', 'dev']\n"
        "sys.exit(command.main())\n"
    )
    done = subprocess.run([sys.executable, script], cwd=ROOT, capture_output=True, text=True, env={"PYTHONPATH": "."})
    assert done.returncode == code, done.stderr
