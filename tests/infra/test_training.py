"""What a training job may touch, and who may start one."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from infra.config import MlflowServer, Training, TrainingNetwork
from infra.environments import load_environment
from infra.stacks.training_role import aws_images_account

SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:leukolens-mlflow-AbCdEf"
SERVER = MlflowServer(uri="https://dagshub.com/owner/repository.mlflow", secret_arn=SECRET)
NETWORK = TrainingNetwork(subnet_ids=("subnet-0123456789abcdef0",), security_group_ids=("sg-0123456789abcdef0",))


def _statements(template, logical_id):
    (policy,) = [
        found["Properties"]["PolicyDocument"]["Statement"]
        for name, found in template.resources("AWS::IAM::Policy").items()
        if name.startswith(logical_id)
    ]
    return policy


@pytest.fixture(scope="module")
def job(dev):
    return _statements(dev["Training"], "JobRole")


@pytest.fixture(scope="module")
def launcher(dev):
    (policy,) = dev["Training"].properties("AWS::IAM::ManagedPolicy")
    return policy["PolicyDocument"]["Statement"]


@pytest.fixture(scope="module")
def other(synthesise):
    """Give the training stack with every choice made the other way."""
    environment = load_environment("dev")
    monitoring = environment.monitoring.model_copy(update={"email": "on-call@example.org"})
    chosen = {"image": "own", "network": NETWORK, "mlflow": SERVER, "log_retention_days": 7}
    training = environment.training.model_copy(update=chosen)
    return synthesise(environment.model_copy(update={"training": training, "monitoring": monitoring}))["Training"]


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
    # Without this one, an App answers 403 to whatever the others allow.
    assert "sagemaker:CallMlflowAppApi" in _actions(tracking)
    assert not [a for a in _actions(tracking) if "Delete" in a or a.endswith("*")]


def test_only_this_accounts_jobs_are_the_role(dev):
    trust = [role["AssumeRolePolicyDocument"]["Statement"][0] for role in dev["Training"].properties("AWS::IAM::Role")]
    of_jobs = [statement for statement in trust if statement["Principal"]["Service"] == "sagemaker.amazonaws.com"]
    assert len(of_jobs) == 2
    for statement in of_jobs:
        assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_whoever_starts_a_job_hands_over_the_jobs_role_and_no_other(dev, launcher):
    (passed,) = [s for s in launcher if "iam:PassRole" in _actions(s)]
    (job_role,) = [name for name in dev["Training"].resources("AWS::IAM::Role") if name.startswith("JobRole")]
    assert passed["Resource"] == {"Fn::GetAtt": [job_role, "Arn"]}
    assert passed["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}


def test_whoever_starts_jobs_starts_and_stops_only_those_of_the_environment(launcher):
    written = [s for s in launcher if any(a.startswith(("sagemaker:Create", "sagemaker:Stop")) for a in _actions(s))]
    for statement in written:
        assert all("/leukolens-dev-*" in json.dumps(resource) for resource in statement["Resource"])


def test_whoever_starts_jobs_deletes_plans_and_nothing_else(launcher):
    deleting = [s for s in launcher if any("Delete" in a for a in _actions(s))]
    assert [json.dumps(s["Resource"]).count("/training/*") for s in deleting] == [1]


def test_a_jobs_disk_is_encrypted_by_a_grant_to_aws_alone(job):
    (grant,) = [s for s in job if "kms:CreateGrant" in _actions(s)]
    assert grant["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}


def test_a_job_pulls_awss_image_or_the_environments_own(job, other):
    (aws,) = [s for s in job if "ecr:BatchGetImage" in _actions(s)]
    assert ":763104351884:repository/tensorflow-training" in json.dumps(aws["Resource"])
    (own,) = [s for s in _statements(other, "JobRole") if "ecr:BatchGetImage" in _actions(s)]
    assert "763104351884" not in json.dumps(own["Resource"])
    assert "TrainingImageUri" in other.raw["Outputs"]


def test_awss_images_are_pulled_from_the_account_of_the_region():
    """As SageMaker's SDK resolves them, which the launcher asks for a job's image."""
    from importlib.util import find_spec

    (folder,) = find_spec("sagemaker").submodule_search_locations
    told = json.loads((Path(folder) / "core" / "image_uri_config" / "tensorflow.json").read_text())
    versions = told["training"]["versions"]
    newest = versions[max(versions, key=lambda version: [int(part) for part in version.split(".")])]["registries"]
    assert len(newest) > 30
    assert {region: aws_images_account(region) for region in newest} == newest


def test_another_mlflow_server_is_reached_by_its_secret_and_no_app_is_made(other):
    assert not other.resources("AWS::SageMaker::MlflowApp")
    (read,) = [s for s in _statements(other, "JobRole") if "secretsmanager:GetSecretValue" in _actions(s)]
    assert read["Resource"] == SECRET
    assert other.raw["Outputs"]["MlflowTrackingUri"]["Value"] == SERVER.uri
    assert other.raw["Outputs"]["MlflowSecretArn"]["Value"] == SECRET


def test_the_apps_arn_is_told(dev):
    assert dev["Training"].raw["Outputs"]["MlflowAppArn"]["Value"] == {"Fn::GetAtt": ["Mlflow", "Arn"]}


def test_a_job_in_a_vpc_makes_interfaces_in_its_subnets_only(job, other):
    assert not [s for s in job if any(a.startswith("ec2:") for a in _actions(s))]
    making = [s for s in _statements(other, "JobRole") if "ec2:CreateNetworkInterface" in _actions(s)]
    places = json.dumps([s["Resource"] for s in making])
    assert NETWORK.subnet_ids[0] in places
    assert NETWORK.security_group_ids[0] in places
    assert "subnet/*" not in places


def test_logs_of_jobs_expire(dev, other):
    for template, days in ((dev["Training"], 30), (other, 7)):
        (retention,) = template.properties("Custom::LogRetention")
        assert retention["LogGroupName"] == "/aws/sagemaker/TrainingJobs"
        assert retention["RetentionInDays"] == days


def test_a_budget_tells_whoever_gets_the_alarms_of_money_spent_and_foreseen(other):
    (budget,) = other.properties("AWS::Budgets::Budget")
    assert budget["Budget"]["BudgetLimit"] == {"Amount": 50, "Unit": "USD"}
    told = {n["Notification"]["NotificationType"]: n for n in budget["NotificationsWithSubscribers"]}
    assert set(told) == {"ACTUAL", "FORECASTED"}
    for notification in told.values():
        assert notification["Subscribers"] == [{"Address": "on-call@example.org", "SubscriptionType": "EMAIL"}]


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"network_isolation": True}, 'needs image = "own"'),
        ({"network_isolation": True, "image": "own", "mlflow": SERVER.model_dump()}, "reaches no mlflow.uri"),
        ({"network": {"subnet_ids": [], "security_group_ids": ["sg-0123456789abcdef0"]}}, "subnet_ids"),
        ({"mlflow": {"uri": "http://plain.example.org", "secret_arn": SECRET}}, "uri"),
        ({"image": "gpu"}, "image"),
        ({"image": "own", "instance_type": "ml.g5.xlarge"}, "does not use"),
    ],
)
def test_what_does_not_go_together_is_refused(chosen, said):
    whole = load_environment("dev").training.model_dump() | chosen
    with pytest.raises(ValidationError, match=said):
        Training.model_validate(whole)


def test_an_environment_without_training_has_no_stack(prod):
    assert "Training" not in prod
