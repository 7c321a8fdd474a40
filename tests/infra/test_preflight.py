"""Each thing that would fail in a deploy is found before it, with its fix."""

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from infra.environments import load_environment
from infra.operations.preflight import preflight


class Account:
    """An account in which a deploy would work, until a test changes something."""

    def __init__(self):
        self.account = "123456789012"
        self.bootstrap = "30"
        self.free = 1000
        self.largest_function_mb = 128
        self.page_services = [{"ServiceName": "leukolens-dev-page"}]
        self.training_quota = 2.0
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

    def list_services(self):
        return {"ServiceSummaryList": self._account.page_services}

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


def _failed(environment, account):
    findings = preflight(environment, account, works=_everything)
    return {finding.name: finding.said for finding in findings if not finding.ok}


def _everything(_):
    return True


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
    first = preflight(load_environment("dev"), account, works=working.__contains__)[0]
    assert first.ok is (expected is None)
    assert (expected or "") in first.said


def test_an_account_that_is_ready_passes_every_check(account):
    findings = preflight(load_environment("dev"), account, works=_everything)
    assert [finding.ok for finding in findings] == [True] * 7


def test_without_credentials_nothing_else_is_asked(account):
    account.signed_in = False
    _, finding = preflight(load_environment("dev"), account, works=_everything)
    assert not finding.ok
    assert "aws sso login" in finding.said


def test_another_account_than_the_environments_is_named(account):
    environment = load_environment("dev").model_copy(update={"account": "999999999999"})
    assert "environments/dev.toml names 999999999999" in _failed(environment, account)["credentials"]


@pytest.mark.parametrize(
    ("change", "value", "name", "fix"),
    [
        ("bootstrap", None, "bootstrap", "run make bootstrap ENV=dev"),
        ("bootstrap", "5", "bootstrap", "version 5 is older than 6"),
        ("page_services", [], "page host", 'set frontend.host = "ecs-express"'),
        ("training_quota", 0.0, "SageMaker", "--quota-code L-CCE2AFA6 --desired-value 1"),
        ("training_quota", None, "SageMaker", "choose another instance"),
        ("free", 10, "Lambda concurrency", "batch.max_concurrency is 20, and 10 are free"),
        ("free", None, "Lambda concurrency", "AWS says AccessDenied: no"),
    ],
)
def test_what_would_fail_in_dev_comes_with_its_fix(account, change, value, name, fix):
    setattr(account, change, value)
    failed = _failed(load_environment("dev"), account)
    assert set(failed) == {name}
    assert fix in failed[name]


def test_productions_memory_and_reserve_are_checked(account):
    account.free = 150
    failed = _failed(load_environment("prod"), account)
    assert "3538 MB may be refused: new accounts are limited to 3008 MB" in failed["Lambda memory"]
    assert "100 cannot be reserved: 150 of 1000 are free" in failed["Lambda concurrency"]


def test_an_account_with_a_large_function_has_its_limit_raised(account):
    account.largest_function_mb = 10_240
    assert _failed(load_environment("prod"), account) == {}


def test_ecs_express_is_open_to_every_account(account):
    account.page_services = []
    environment = load_environment("dev")
    frontend = environment.frontend.model_copy(update={"host": "ecs-express"})
    assert _failed(environment.model_copy(update={"frontend": frontend}), account) == {}
