"""Once a job is over, its run in MLflow says what AWS billed and what spot capacity saved: a real store of MLflow."""

from dataclasses import replace

import pytest
from mlflow import MlflowClient

from tests.unit.training.sagemaker_jobs.conftest import GRID
from training.sagemaker_jobs.deployment import read_deployment
from training.sagemaker_jobs.job_environment import describe

NAME = "leukolens-dev-nine"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Give a store's address; making one takes seconds."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"


class Tracked:
    """The runs of a sweep in a store, as its jobs have made them."""

    def __init__(self, account, uri):
        self.client = MlflowClient(tracking_uri=uri)
        found = self.client.get_experiment_by_name("leukolens-dev")
        self.experiment = found.experiment_id if found else self.client.create_experiment("leukolens-dev")
        self.parent = self.client.create_run(self.experiment, run_name=NAME).info.run_id
        self.account = account

    def run(self, job, status="FINISHED"):
        tags = describe({"TRAINING_JOB_NAME": job})
        made = self.client.create_run(self.experiment, run_name=job, tags=tags).info.run_id
        if status != "RUNNING":
            self.client.set_terminated(made, status)
        return made

    def tags(self, run):
        own = self.client.get_run(run).data.tags
        return {key: value for key, value in own.items() if key.startswith("sagemaker.") and key != "sagemaker.job"}

    def status(self, run):
        return self.client.get_run(run).info.status


@pytest.fixture
def tracked(account, store, monkeypatch):
    """Give the account with a store of MLflow's behind it."""
    monkeypatch.delenv("LEUKOLENS_TRACKING")
    tracked = Tracked(account, store)
    for module in ("command", "watch"):
        monkeypatch.setattr(
            f"training.sagemaker_jobs.{module}.read_deployment",
            lambda *asked: replace(read_deployment(*asked), tracking_uri=store),
        )
    monkeypatch.setattr("training.sagemaker_jobs.launcher.make_parent", lambda plan, deployment: tracked.parent)
    return tracked


def test_a_followed_sweep_leaves_its_bill_and_its_savings_on_the_runs(tracked, command):
    account = tracked.account
    assert command(*GRID, "--detach").code == 0
    jobs = account.play_tuner(NAME)
    runs = [tracked.run(job) for job in jobs]
    for job in jobs:
        account.tell(job, "Completed", minutes=30, billed_s=540)
    assert command("jobs", "--sweep", NAME, "--once").code == 0
    # 540 s of 1,800 are billed, at $0.2898 an hour.
    job_bill = {"sagemaker.billable_seconds": "540", "sagemaker.spot_savings": "70%", "sagemaker.cost_usd": "0.04"}
    assert [tracked.tags(run) for run in runs] == [{"sagemaker.status": "Completed", **job_bill}] * 9
    assert tracked.status(tracked.parent) == "RUNNING", "the tuner is not over: it may start more"

    account.finish_tuner(NAME, "Completed")
    assert command("sweep", "--executor", "sagemaker", "--resume", NAME).code == 2, "there is nothing to go on with"
    assert command("jobs", "--sweep", NAME).code == 0
    assert tracked.tags(tracked.parent) == {
        "sagemaker.billable_seconds": "4860",
        "sagemaker.spot_savings": "70%",
        "sagemaker.cost_usd": "0.39",
    }
    assert tracked.status(tracked.parent) == "FINISHED"


def test_a_job_on_demand_saved_nothing_and_one_that_was_ended_ends_its_run(tracked, command):
    account = tracked.account
    assert command("train", "--executor", "sagemaker", "--name", "one", "--detach").code == 0
    (job,) = account.backend.training_jobs
    run, going = tracked.run(job, "RUNNING"), tracked.run("leukolens-dev-onerous-20261123120000", "RUNNING")
    account.tell(job, "Stopped", minutes=10, billed_s=600)
    assert command("jobs").code == 0
    assert tracked.tags(run) == {
        "sagemaker.status": "Stopped",
        "sagemaker.billable_seconds": "600",
        "sagemaker.cost_usd": "0.05",
    }
    assert tracked.status(run) == "KILLED"
    assert (tracked.tags(going), tracked.status(going)) == ({}, "RUNNING")


def test_a_server_that_is_away_is_told_of_and_hides_no_table(tracked, command, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    away = "http://user:word@127.0.0.1:9"
    account = tracked.account
    assert command("train", "--executor", "sagemaker", "--name", "one", "--detach").code == 0
    monkeypatch.setattr(
        "training.sagemaker_jobs.watch.read_deployment",
        lambda *asked: replace(read_deployment(*asked), tracking_uri=away),
    )
    told = command("jobs")
    assert told.code == 0
    assert next(iter(account.backend.training_jobs)) in told.out
    assert "MLflow at http://127.0.0.1:9 did not take what the jobs cost" in told.err
    assert "word" not in told.err
