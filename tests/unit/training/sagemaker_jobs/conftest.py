import json
from types import SimpleNamespace

import jsonschema
import pytest
from moto import mock_aws

from tests.sagemaker_account import Account, open_answering_session
from training.cli import main

GRID = [
    *("sweep", "--executor", "sagemaker", "--name", "nine", "--backbone", "efficientnet-lite0", "--epochs", "6"),
    *("--optimizer", "adam", "--optimizer", "sgd", "--optimizer", "rmsprop"),
    *("--batch-size", "16", "--batch-size", "32", "--batch-size", "64", "--spot"),
]


@pytest.fixture(scope="session", autouse=True)
def _settings_validated_once():
    """Let the SDK hold the same settings against its schema once: it does so for each field of each job."""
    validate, valid = jsonschema.validate, set()

    def once(instance, schema, *options, **more):
        what = json.dumps(instance, default=repr), id(schema)
        if what not in valid:
            validate(instance, schema, *options, **more)
            valid.add(what)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(jsonschema, "validate", once)
        yield


@pytest.fixture(scope="session")
def answering_session():
    """Give one session for all tests, since reading AWS's descriptions takes a second for each; who answers changes."""
    return open_answering_session()


@pytest.fixture
def bare_account(monkeypatch, answering_session):
    """Give an account with nothing in it."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        account = Account(answering_session)
        answering_session.answers = account.answers
        for module in ("command", "watch", "logs", "stop"):
            monkeypatch.setattr(f"training.sagemaker_jobs.{module}.open_session", lambda _: answering_session)
        yield account


@pytest.fixture
def account(bare_account, monkeypatch):
    """Give an account with the environment dev deployed and smears in it; MLflow's server gives one run."""
    bare_account.deploy()
    bare_account.put_smears()
    monkeypatch.setattr("training.sagemaker_jobs.launcher.make_parent", lambda plan, deployment: "run-of-the-sweep")
    return bare_account


@pytest.fixture
def command(capsys):
    """Run a command line; gives its exit code, standard output and standard error."""

    def run(*arguments):
        try:
            code = main(list(arguments))
        except SystemExit as stopped:  # of argparse
            code = stopped.code
        told = capsys.readouterr()
        return SimpleNamespace(code=code, out=told.out, err=told.err)

    return run


@pytest.fixture
def nine(account, command):
    """Give the account with the nine-run sweep started in it and its jobs running."""
    assert command(*GRID, "--detach").code == 0
    account.jobs = account.play_tuner("leukolens-dev-nine")
    return account
