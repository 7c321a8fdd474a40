"""A grid becomes one tuner and nine jobs, as asked for; whatever cannot work is refused before anything is created."""

import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from tests.sagemaker_account import KEY, ROLE
from tests.unit.training.sagemaker_jobs.conftest import GRID
from training.sagemaker_jobs.mlflow_runs import make_parent

NAME = "leukolens-dev-nine"


def _nothing_created(account):
    created = account.s3.list_objects_v2(Bucket="smears-models").get("KeyCount", 0)
    return created == 0 and not account.backend.training_jobs and not account.backend.hyper_parameter_tuning_jobs


def test_a_grid_of_nine_starts_a_tuner_with_nine_jobs(nine):
    assert len(nine.jobs) == 9
    given = []
    for name in nine.jobs:
        job = nine.sagemaker.describe_training_job(TrainingJobName=name)
        given.append((job["HyperParameters"]["optimizer"], job["HyperParameters"]["batch-size"]))
        assert job["HyperParameters"]["backbone"] == "efficientnet-lite0"
        assert job["HyperParameters"]["epochs"] == "6"
        assert job["RoleArn"] == ROLE
        assert job["EnableManagedSpotTraining"] is True
        assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200}
        assert job["CheckpointConfig"] == {
            "S3Uri": f"s3://smears-models/training/{NAME}/checkpoints",
            "LocalPath": "/opt/ml/checkpoints",
        }
        (channel,) = job["InputDataConfig"]
        assert channel["ChannelName"] == "train"
        assert channel["InputMode"] == "FastFile"
        assert channel["DataSource"]["S3DataSource"]["S3Uri"] == "s3://smears-data/smears/"
        assert job["OutputDataConfig"]["S3OutputPath"] == "s3://smears-models/training"
        assert job["OutputDataConfig"]["KmsKeyId"] == job["ResourceConfig"]["VolumeKmsKeyId"] == KEY
    assert sorted(given) == sorted(itertools.product(("adam", "sgd", "rmsprop"), ("16", "32", "64")))


def test_the_tuner_reads_back_as_it_was_asked_for(nine):
    tuner = nine.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=NAME)
    config, definition = tuner["HyperParameterTuningJobConfig"], tuner["TrainingJobDefinition"]
    assert config["Strategy"] == "Grid"
    assert config["ResourceLimits"]["MaxParallelTrainingJobs"] == 3
    objective = {"Type": "Maximize", "MetricName": "val_balanced_accuracy"}
    assert config["HyperParameterTuningJobObjective"] == objective
    regex = {m["Name"]: m["Regex"] for m in definition["AlgorithmSpecification"]["MetricDefinitions"]}
    assert regex["val_balanced_accuracy"] == "metric: val_balanced_accuracy=([0-9.eE+-]+)"
    told = definition["Environment"]
    assert (told["LEUKOLENS_SWEEP"], told["LEUKOLENS_PARENT_RUN"]) == (NAME, "run-of-the-sweep")
    assert told["MLFLOW_TRACKING_URI"].endswith(":mlflow-app/app-1")
    arn = tuner["HyperParameterTuningJobArn"]
    tags = {tag["Key"]: tag["Value"] for tag in nine.sagemaker.list_tags(ResourceArn=arn)["Tags"]}
    assert tags["leukolens:run"] == NAME
    assert tags["leukolens:manifest"] == nine.manifest.digest


def test_the_code_is_put_where_the_image_looks_for_it(nine):
    given = nine.sagemaker.describe_training_job(TrainingJobName=nine.jobs[0])["HyperParameters"]
    bucket, key = given["sagemaker_submit_directory"].removeprefix("s3://").split("/", 1)
    assert nine.s3.head_object(Bucket=bucket, Key=key)["ContentLength"] > 10_000
    assert given["sagemaker_program"] == "run_job.py"


def test_one_job_with_a_warm_pool(account, command):
    told = command(
        *("train", "--executor", "sagemaker", "--name", "one", "--optimizer", "sgd", "--keep-alive", "10m"),
        *("--tag", "study=lens", "--detach"),
    )
    assert told.code == 0, told.err
    (name,) = account.backend.training_jobs
    assert name.startswith("leukolens-dev-one-")
    job = account.sagemaker.describe_training_job(TrainingJobName=name)
    assert job["ResourceConfig"]["KeepAlivePeriodInSeconds"] == 600
    assert {"Key": "study", "Value": "lens"} in account.backend.training_jobs[name].tags


def test_adapt_starts_one_job_and_puts_its_base_where_the_job_reads_it(account, command):
    told = command("adapt", "--executor", "sagemaker", "--name", "own", "--add-to-base", "--detach")
    assert told.code == 0, told.err
    (name,) = account.backend.training_jobs
    job = account.sagemaker.describe_training_job(TrainingJobName=name)
    assert job["HyperParameters"].items() >= {"command": "adapt", "add-to-base": "true"}.items()
    assert "epochs" not in job["HyperParameters"]
    (base,) = (one for one in job["InputDataConfig"] if one["ChannelName"] == "base")
    bucket, _, prefix = base["DataSource"]["S3DataSource"]["S3Uri"].removeprefix("s3://").partition("/")
    for path in Path("models/default").iterdir():
        stored = account.s3.get_object(Bucket=bucket, Key=f"{prefix}{path.name}")["Body"].read()
        assert stored == path.read_bytes()
    tags = {one["Key"]: one["Value"] for one in account.backend.training_jobs[name].tags}
    assert tags["leukolens:manifest"] == account.manifest.digest
    told = command("adapt", "--executor", "sagemaker", "--name", "own", "--detach")
    assert told.code == 2
    assert "--name own: leukolens-dev-own is taken" in told.err


@pytest.mark.parametrize(
    ("options", "named", "allowed"),
    [
        (("--optimizer", "lion"), "--optimizer lion", "adam, adamw, rmsprop, sgd"),
        (("--backbone", "resnet50"), "--backbone resnet50", "efficientnet-lite0"),
        (("--instance-type", "ml.z9.huge"), "--instance-type ml.z9.huge", "ml.m5.xlarge"),
        (("--instance-type", "ml.p5.48xlarge"), "--instance-type ml.p5.48xlarge", "--hourly-price"),
        (("--learning-rate", "1e-5:1e-2"), "--learning-rate", "--strategy bayesian"),
        (("--strategy", "bayesian"), "--max-jobs", "1 or more"),
        (("--strategy", "guess"), "--strategy guess", "grid, bayesian, random, hyperband"),
        (("--keep-alive", "10m"), "--keep-alive", "--spot"),
        (("--max-wait", "30m"), "--max-wait", "--max-runtime"),
        (("--max-cost", "1"), "--max-cost", "up to $2.66"),
        (("--name", "Nine Runs"), "--name Nine Runs", "lower-case"),
        (("--max-cost", "nan"), "--max-cost", "above 0"),
        (("--hourly-price", "-3"), "--hourly-price", "above 0"),
        (("--max-runtime", "700h"), "--max-runtime", "672h"),
        (("--input-mode", "Pipe"), "--input-mode", "FastFile"),
        (("--instance-count", "0"), "--instance-count 0", "1 or more"),
        (("--learning-rate", "1e-5:"), "--learning-rate 1e-5:", "LOW:HIGH"),
        (("--role", "training"), "--role training", "arn:aws:iam::ACCOUNT:role/NAME"),
        (("--role", "arn:aws:iam::123456789012:role/none"), "--role arn:aws", "one that SageMaker may assume"),
        (("--bucket", "s3://mine/x"), "--bucket s3://mine/x", "without s3://"),
        (("--bucket", "nobody-has-this"), "s3://nobody-has-this/training", "make it"),
        (("--output", "../models"), "--output ../models", "s3://BUCKET/PREFIX"),
        (("--output", "s3://one-bucket/x", "--bucket", "another"), "--bucket another", "leave one of them out"),
        (("--image", "tensorflow"), "--image tensorflow", ".dkr.ecr.eu-central-1.amazonaws.com/NAME:TAG"),
        (("--image", "123456789012.dkr.ecr.us-east-1.amazonaws.com/smears:1"), "us-east-1", "push it to eu-central-1"),
        (("--image", "123456789012.dkr.ecr.eu-central-1.amazonaws.com/smears:1"), "--image", "push it first"),
        (("--tag", "alone"), "--tag alone", "KEY=VALUE"),
        (("--tag", "project=other"), "--tag project=other", "any but project"),
        (("--data", "../shared/data"), "--data ../shared/data", "s3://BUCKET/PREFIX"),
        (("--env", "prod"), "--env prod", "environments/prod.toml"),
        (("--env", "test"), "--env test", "dev, staging, prod"),
        (("--data", "s3://smears-data/empty"), "--data s3://smears-data/empty", "training ingest"),
        (("--data", "s3://nobody-has-this/smears"), "--data s3://nobody-has-this", "one that exists"),
    ],
)
def test_bad_input_is_one_message_with_the_option_and_what_is_allowed(account, command, options, named, allowed):
    told = command(*GRID, *options, "--detach")
    assert told.code == 2
    assert len(told.err.splitlines()) == 1, "one message"
    assert named in told.err
    assert allowed in told.err
    assert _nothing_created(account)


def test_no_quota(account, command):
    account.quota = 2
    told = command(*GRID, "--detach")
    assert told.code == 2
    assert "--instance-type ml.m5.xlarge: 3 at a time are more than the quota" in told.err
    assert "--quota-code L-1 --desired-value 3" in told.err
    assert _nothing_created(account)


def test_a_warm_pool_has_a_quota_of_its_own(account, command):
    account.warm_pools = 0
    told = command("train", "--executor", "sagemaker", "--keep-alive", "10m", "--detach")
    assert told.code == 2
    assert "'ml.m5.xlarge for training warm pool usage', 0" in told.err
    assert _nothing_created(account)


def test_no_permission(account, command):
    account.decision = "implicitDeny"
    told = command(*GRID, "--detach")
    assert told.code == 2
    assert "no permission for sagemaker:CreateHyperParameterTuningJob" in told.err
    assert "leukolens-dev-training-launcher" in told.err
    assert _nothing_created(account)


_DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "not yours"}}, "S3")
_ASK = "ask for the managed policy leukolens-dev-training-launcher-eu-central-1 (not yours)"


@pytest.mark.parametrize(
    ("call", "error", "expected"),
    [
        ("GetObject", _DENIED, f"no permission to read s3://smears-data/smears: {_ASK}"),
        ("PutObject", _DENIED, f"no permission to write to s3://smears-models/training: {_ASK}"),
        (
            "GetObject",
            EndpointConnectionError(endpoint_url="https://s3"),
            "AWS did not answer when asked to read s3://smears-data/smears: Could not connect to",
        ),
        (
            "PutObject",
            NoCredentialsError(),
            "no AWS credentials to write to s3://smears-models/training: sign in (aws sso login) or set AWS_PROFILE",
        ),
    ],
)
def test_s3_refuses_or_is_away(account, command, call, error, expected):
    def refuse(_):
        raise error

    account.answers[f"s3.{call}"] = refuse
    told = command(*GRID, "--detach")
    assert told.code == 2
    assert f"sweep: {expected}" in told.err


def test_a_name_that_is_taken(nine, command):
    told = command(*GRID, "--detach")
    assert told.code == 2
    assert "--name nine: leukolens-dev-nine is taken (InProgress); give another --name" in told.err
    assert "--resume leukolens-dev-nine" in told.err


def test_nothing_deployed(bare_account, command):
    told = command(*GRID, "--detach")
    assert told.code == 2
    assert "make deploy ENV=dev" in told.err


def test_a_tracking_server_that_is_away_does_not_stop_the_sweep(account, command, monkeypatch):
    monkeypatch.setattr("training.sagemaker_jobs.launcher.make_parent", make_parent)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    away = "http://127.0.0.1:9"
    deployment = replace(account.deployment, tracking_uri=away)
    monkeypatch.setattr("training.sagemaker_jobs.command.read_deployment", lambda *_: deployment)
    told = command(*GRID, "--detach")
    assert told.code == 0, told.err
    assert f"warning: no parent run in MLflow at {away}" in told.err
    definition = account.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=NAME)
    assert "LEUKOLENS_PARENT_RUN" not in definition["TrainingJobDefinition"]["Environment"]


def test_a_sweep_half_made_is_listed_resumed_or_dropped(account, command):
    def refuse(_):
        told = {"Error": {"Code": "ThrottlingException", "Message": "Rate exceeded"}}
        raise ClientError(told, "CreateHyperParameterTuningJob")

    account.answers["sagemaker.CreateHyperParameterTuningJob"] = refuse
    told = command(*GRID, "--detach")
    assert told.code == 2
    assert "Rate exceeded" in told.err
    assert f"{NAME} is only half made" in told.err
    assert f"{NAME}: half made, no tuner yet" in " ".join(command("jobs").out.split())

    del account.answers["sagemaker.CreateHyperParameterTuningJob"]
    assert command("sweep", "--executor", "sagemaker", "--resume", NAME, "--detach").code == 0
    assert account.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=NAME)


def test_a_sweep_half_made_can_be_dropped(account, command):
    account.s3.put_object(Bucket="smears-models", Key=f"training/plans/{NAME}.json", Body=json.dumps(_PLAN).encode())
    told = command("stop", "--sweep", NAME)
    assert (told.code, told.err) == (0, f"{NAME} was only half made: dropped, nothing of it ran\n")
    assert NAME not in command("jobs").out


_PLAN = {
    "name": NAME,
    "environment": "dev",
    "kind": "sweep",
    "data": "s3://smears-data/smears",
    "fixed": {},
    "choices": {"optimizer": ["adam", "sgd"]},
    "instance_type": "ml.m5.xlarge",
    "max_runtime_s": 3600,
}
