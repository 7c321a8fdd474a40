"""Whoever starts jobs may do what the commands ask, and no more: each command, held against the launcher's policy.

And a job may do what SageMaker and its own code do in its name.
"""

import boto3
import pytest
from moto.core import DEFAULT_ACCOUNT_ID

from infra.rehearsal.account import ID, Request, allows
from infra.rehearsal.account import REGION as THERE
from tests.infra.calls import recorded, requests
from tests.infra.roles import hold
from tests.infra.synthesis import deployed_account
from tests.sagemaker_account import KEY, REGION, ROLE
from tests.unit.training.sagemaker_jobs.conftest import GRID
from training.sagemaker_jobs.job_environment import describe

assert REGION == THERE
# Asked, and refused without harm: few may simulate policies, and the command goes on (preflight.check_permission).
MAY_BE_REFUSED = {"iam:SimulatePrincipalPolicy"}


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    return deployed_account(tmp_path_factory.mktemp("cdk"))


def _asked(calls, deployed):
    """Give what IAM is asked, by the names that the stacks give things."""
    names = {
        "smears-data": deployed.output("Storage", "DataBucketName"),
        "smears-models": deployed.output("Storage", "ModelsBucketName"),
        KEY: deployed.arn("AWS::KMS::Key", "Key"),
        ROLE: deployed.arn("AWS::IAM::Role", "JobRole"),
        DEFAULT_ACCOUNT_ID: ID,
    }

    def renamed(text):
        for old, new in names.items():
            text = text.replace(old, new)
        return text

    return [Request(one.action, renamed(one.resource), one.context) for one in requests(calls, deployed)]


def _all_commands(account, command):
    """Run each command that asks AWS, as a person would in turn."""
    assert command(*GRID, "--detach").code == 0
    account.jobs = account.play_tuner("leukolens-dev-nine")
    one = ("train", "--executor", "sagemaker", "--name", "one", "--keep-alive", "10m", "--tag", "study=lens")
    assert command(*one, "--detach").code == 0
    (single,) = [job for job in account.backend.training_jobs if job.startswith("leukolens-dev-one")]
    account.tell(single, "Completed")
    logs = account.session.client("logs")
    logs.create_log_group(logGroupName="/aws/sagemaker/TrainingJobs")
    stream = f"{account.jobs[0]}/algo-1-1"
    logs.create_log_stream(logGroupName="/aws/sagemaker/TrainingJobs", logStreamName=stream)
    event = {"timestamp": int(account.now.timestamp() * 1000), "message": "epoch=1"}
    logs.put_log_events(logGroupName="/aws/sagemaker/TrainingJobs", logStreamName=stream, logEvents=[event])
    command("logs", account.jobs[0])
    assert command("jobs", "--once").code == 0
    assert command("stop", account.jobs[2]).code == 0
    assert command("stop", "leukolens-dev-nine").code == 0


# What the test itself asks to set the stage, in the account's own name.
_STAGE = {"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"}
# Allowed, and asked by no command above; each with its reason.
_SPARE = {
    # Of the artifacts' upload in parts, which boto3 does by itself with larger code.
    *("s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"),
    # A plan whose sweep is dropped (--fresh).
    "s3:DeleteObject",
    # The parent of a sweep's runs, over MLflow's REST interface and not by boto3: tests of mlflow_runs.
    *("sagemaker:CallMlflowAppApi", "sagemaker:DescribeMlflowApp"),
}


def test_each_command_asks_for_what_the_launchers_policy_allows(account, command, deployed):
    with recorded() as calls:
        _all_commands(account, command)
    asked = [one for one in _asked(calls, deployed) if one.action not in _STAGE | MAY_BE_REFUSED]
    assert {
        "iam:PassRole",
        "sagemaker:CreateHyperParameterTuningJob",
        "sagemaker:CreateTrainingJob",
        "sagemaker:AddTags",
    } <= {one.action for one in asked}
    policy = deployed.statements("Leukolens-Dev-Training/Launcher")
    hold("launcher (people)", policy, asked, lambda action: action in _SPARE or action.startswith("sagemaker-mlflow:"))


def test_the_launcher_hands_over_no_other_role_and_touches_no_others_jobs(deployed):
    policy = deployed.statements("Leukolens-Dev-Training/Launcher")
    to_sagemaker = {"iam:PassedToService": "sagemaker.amazonaws.com"}
    own = deployed.arn("AWS::IAM::Role", "JobRole")
    assert allows(policy, Request("iam:PassRole", own, to_sagemaker))
    assert not allows(policy, Request("iam:PassRole", own, {"iam:PassedToService": "ec2.amazonaws.com"}))
    assert not allows(policy, Request("iam:PassRole", f"arn:aws:iam::{ID}:role/admin", to_sagemaker))
    for job, allowed in (("leukolens-dev-x", True), ("leukolens-prod-x", False)):
        arn = f"arn:aws:sagemaker:{THERE}:{ID}:training-job/{job}"
        assert allows(policy, Request("sagemaker:StopTrainingJob", arn)) is allowed


def test_a_job_may_do_what_is_done_in_its_name(account, deployed, monkeypatch):
    """What its code asks, and what SageMaker does for it.

    https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html#sagemaker-roles-createtrainingjob-perms
    """
    job = "leukolens-dev-one"
    data, models = deployed.output("Storage", "DataBucketName"), deployed.output("Storage", "ModelsBucketName")
    monkeypatch.setenv("AWS_REGION", REGION)
    with recorded() as calls:
        describe(
            {"TRAINING_JOB_NAME": job, "AWS_REGION": REGION},
            lambda service: boto3.client(service, region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x"),
        )
    key, app = deployed.arn("AWS::KMS::Key", "Key"), deployed.arn("AWS::SageMaker::MlflowApp", "Mlflow")
    log = f"arn:aws:logs:{THERE}:{ID}:log-group:/aws/sagemaker/TrainingJobs:log-stream:{job}/algo-1"
    images = f"arn:aws:ecr:{THERE}:763104351884:repository/tensorflow-training"
    output = f"arn:aws:s3:::{models}/training/{job}/output/model.tar.gz"
    asked = [
        *_asked(calls, deployed),
        Request("s3:ListBucket", f"arn:aws:s3:::{data}"),
        Request("s3:GetObject", f"arn:aws:s3:::{data}/smears/Pre/1.jpg"),
        Request("s3:ListBucket", f"arn:aws:s3:::{models}"),
        *(Request(f"s3:{one}", output) for one in ("GetObject", "PutObject", "AbortMultipartUpload")),
        Request("s3:ListMultipartUploadParts", output),
        *(Request(f"s3:{one}", f"arn:aws:s3:::{models}/mlflow/1/x") for one in ("GetObject", "PutObject")),
        *(Request(f"kms:{one}", key) for one in ("Decrypt", "GenerateDataKey", "Encrypt")),
        Request("kms:CreateGrant", key, {"kms:GrantIsForAWSResource": "true"}),
        *(Request(f"logs:{one}", log) for one in ("CreateLogStream", "DescribeLogStreams", "PutLogEvents")),
        Request("logs:CreateLogGroup", log),
        Request("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "/aws/sagemaker/TrainingJobs"}),
        *(
            Request(f"ecr:{one}", images)
            for one in ("BatchCheckLayerAvailability", "BatchGetImage", "GetDownloadUrlForLayer")
        ),
        Request("ecr:GetAuthorizationToken", "*"),
        Request("sagemaker:CallMlflowAppApi", app),
        Request("sagemaker:DescribeMlflowApp", app),
    ]
    policy = deployed.statements("Leukolens-Dev-Training/JobRole")
    assert "sagemaker:DescribeTrainingJob" in {one.action for one in asked}
    # Over MLflow's REST interface: tests/infra/test_training.py says that they delete nothing.
    hold("training job", policy, asked, lambda action: action.startswith("sagemaker-mlflow:"))
    assert not allows(policy, Request("s3:PutObject", f"arn:aws:s3:::{data}/smears/x"))
    assert not allows(policy, Request("kms:CreateGrant", key, {"kms:GrantIsForAWSResource": "false"}))
    # Alarms watch the others' namespaces.
    assert not allows(policy, Request("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "AWS/Lambda"}))
