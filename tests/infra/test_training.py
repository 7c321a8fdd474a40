"""What a training job may touch, and who may start one."""

import json

import pytest

from infra.environments import load_environment


@pytest.fixture(scope="module")
def job(dev):
    (policy,) = [
        found["Properties"]["PolicyDocument"]["Statement"]
        for name, found in dev["Training"].resources("AWS::IAM::Policy").items()
        if name.startswith("JobRole")
    ]
    return policy


def _actions(statement):
    return {statement["Action"]} if isinstance(statement["Action"], str) else set(statement["Action"])


def test_a_job_reads_data_and_never_writes_it(job):
    on_data = [s for s in job if "Data" in json.dumps(s["Resource"])]
    assert set().union(*(_actions(s) for s in on_data)) == {"s3:GetObject", "s3:ListBucket"}


def test_a_job_writes_models_only_below_its_folders(job):
    written = [json.dumps(s["Resource"]) for s in job if "s3:PutObject" in _actions(s)]
    assert written
    assert all("/training/*" in resource or "/mlflow/*" in resource for resource in written)


def test_tracking_is_one_apps_and_deletes_nothing(job):
    (tracking,) = [s for s in job if any(a.startswith("sagemaker-mlflow:") for a in _actions(s))]
    assert tracking["Resource"] == {"Fn::GetAtt": ["Mlflow", "Arn"]}
    assert not [a for a in _actions(tracking) if "Delete" in a or a.endswith("*")]


def test_only_this_accounts_jobs_are_the_role(dev):
    for role in dev["Training"].properties("AWS::IAM::Role"):
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_whoever_starts_a_job_hands_over_the_jobs_role_and_no_other(dev):
    (policy,) = dev["Training"].properties("AWS::IAM::ManagedPolicy")
    (passed,) = [s for s in policy["PolicyDocument"]["Statement"] if "iam:PassRole" in _actions(s)]
    (job_role,) = [name for name in dev["Training"].resources("AWS::IAM::Role") if name.startswith("JobRole")]
    assert passed["Resource"] == {"Fn::GetAtt": [job_role, "Arn"]}
    assert passed["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


def test_a_budget_tells_whoever_gets_the_alarms(synthesise):
    environment = load_environment("dev")
    monitoring = environment.monitoring.model_copy(update={"email": "on-call@example.org"})
    template = synthesise(environment.model_copy(update={"monitoring": monitoring}))["Training"]
    (budget,) = template.properties("AWS::Budgets::Budget")
    assert budget["Budget"]["BudgetLimit"] == {"Amount": 50, "Unit": "USD"}


def test_an_environment_without_training_has_no_stack(prod):
    assert "Training" not in prod
