"""A dry run prints the very requests and the cost, without credentials and without asking anybody."""

import json
import shutil
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from inference import folder_digest
from tests.unit.training.sagemaker_jobs.conftest import GRID
from training.sagemaker_jobs.deployment import assumed_deployment, read_environment
from training.sagemaker_jobs.dry_run import dry_run
from training.sagemaker_jobs.plan import Plan
from training.sagemaker_jobs.prices import estimate, read_prices


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """Leave neither credentials nor a network."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    def refuse(*_, **__):
        raise AssertionError("a dry run reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_nine_requests_and_a_total_cost(command):
    told = command(*GRID, "--dry-run")
    assert told.code == 0, told.err
    printed = json.loads(told.out)
    assert len(printed["jobs"]) == 9
    tried = {(j["HyperParameters"]["optimizer"], j["HyperParameters"]["batch-size"]) for j in printed["jobs"]}
    assert len(tried) == 9
    for job in printed["jobs"]:
        assert job["TrainingJobName"].startswith("leukolens-dev-nine-0")
        assert job["EnableManagedSpotTraining"] is True
        assert job["InputDataConfig"][0]["InputMode"] == "FastFile"
    tuner = printed["tuner"]
    assert tuner["HyperParameterTuningJobName"] == "leukolens-dev-nine"
    assert tuner["HyperParameterTuningJobConfig"]["Strategy"] == "Grid"
    # Nine jobs of one hour on ml.m5.xlarge at 0.23 x 1.26, each with 30 GB of disk at 0.14 a month.
    assert printed["cost"]["at_most_usd"] == pytest.approx(9 * (0.23 * 1.26 + 30 * 0.14 / 730), abs=0.01)
    assert "at most $2.66" in told.err


def test_a_sweep_of_which_nothing_is_said_is_the_laptops_own(command, tmp_path):
    config = tmp_path / "run.toml"
    config.write_text('executor = "sagemaker"\nfrozen = true\ndry-run = true\n')
    told = command("sweep", "--config", str(config))
    assert told.code == 0, told.err
    tried = [job["HyperParameters"] for job in json.loads(told.out)["jobs"]]
    assert {one["backbone"] for one in tried} == {"vgg16"}
    assert [(one["optimizer"], one["batch-size"]) for one in tried] == [
        (optimizer, size) for optimizer in ("adam", "sgd", "rmsprop") for size in ("16", "32", "64")
    ]


def test_the_space_of_a_laptops_search_drives_the_tuner(command, tmp_path):
    space = tmp_path / "space.toml"
    space.write_text(
        'optimizer = ["adam", "sgd"]\nbatch-size = {low = 8, high = 64, log = true}\nepochs = 6\n'
        "learning-rate = {low = 1e-5, high = 1e-2, log = true}\nlabel-smoothing = {low = 0, high = 0.1}\n"
    )
    told = command(
        *("sweep", "--executor", "sagemaker", "--search", "tpe", "--trials", "12"), "--space", str(space), "--dry-run"
    )
    assert told.code == 0, told.err
    tuner = json.loads(told.out)["tuner"]
    config = tuner["HyperParameterTuningJobConfig"]
    assert (config["Strategy"], config["ResourceLimits"]["MaxNumberOfTrainingJobs"]) == ("Bayesian", 12)
    assert config["ParameterRanges"] == {
        "IntegerParameterRanges": [
            {"Name": "batch-size", "MinValue": "8", "MaxValue": "64", "ScalingType": "Logarithmic"}
        ],
        "ContinuousParameterRanges": [
            {"Name": "learning-rate", "MinValue": "1e-05", "MaxValue": "0.01", "ScalingType": "Logarithmic"},
            {"Name": "label-smoothing", "MinValue": "0.0", "MaxValue": "0.1", "ScalingType": "Auto"},
        ],
        "CategoricalParameterRanges": [{"Name": "optimizer", "Values": ["adam", "sgd"]}],
    }
    assert tuner["TrainingJobDefinition"]["StaticHyperParameters"]["epochs"] == "6"


def test_a_role_a_bucket_and_an_image_of_ones_own_are_in_the_request(command):
    role, image = "arn:aws:iam::123456789012:role/mine", "123456789012.dkr.ecr.eu-central-1.amazonaws.com/smears:1"
    told = command(
        *("train", "--executor", "sagemaker", "--name", "one", "--role", role, "--image", image),
        *("--bucket", "my-models", "--output", "trials", "--dry-run"),
    )
    assert told.code == 0, told.err
    (job,) = json.loads(told.out)["jobs"]
    assert job["RoleArn"] == role
    assert job["AlgorithmSpecification"]["TrainingImage"] == image
    assert job["OutputDataConfig"]["S3OutputPath"] == "s3://my-models/trials"
    assert job["CheckpointConfig"]["S3Uri"] == "s3://my-models/trials/leukolens-dev-one/checkpoints"
    assert "sagemaker_submit_directory" not in job["HyperParameters"], "the project is in the image"


def test_a_bayesian_search_over_a_continuous_range(command):
    told = command(
        *("sweep", "--executor", "sagemaker", "--strategy", "bayesian", "--max-jobs", "12", "--epochs", "6"),
        *("--learning-rate", "1e-5:1e-2", "--batch-size", "8:64", "--optimizer", "adam", "--optimizer", "sgd"),
        "--dry-run",
    )
    assert told.code == 0, told.err
    config = json.loads(told.out)["tuner"]["HyperParameterTuningJobConfig"]
    assert config["Strategy"] == "Bayesian"
    assert config["ResourceLimits"] == {"MaxNumberOfTrainingJobs": 12, "MaxParallelTrainingJobs": 3}
    ranges = config["ParameterRanges"]
    assert ranges["ContinuousParameterRanges"] == [
        {"Name": "learning-rate", "MinValue": "1e-05", "MaxValue": "0.01", "ScalingType": "Logarithmic"}
    ]
    assert ranges["IntegerParameterRanges"][0]["MaxValue"] == "64"
    assert ranges["CategoricalParameterRanges"] == [{"Name": "optimizer", "Values": ["adam", "sgd"]}]


def test_every_option_is_in_the_request(command):
    told = command(
        *(
            "sweep",
            "--executor",
            "sagemaker",
            "--backbone",
            "vgg16",
            "--optimizer",
            "adam",
            "--optimizer",
            "sgd",
            "--dry-run",
            "--name",
            "all",
        ),
        *("--instance-type", "ml.m5.2xlarge", "--instance-count", "2", "--volume-gb", "50", "--max-parallel-jobs", "1"),
        *("--spot", "--max-runtime", "30m", "--max-wait", "3h", "--input-mode", "File", "--tag", "study=lens"),
        *("--data", "s3://elsewhere/fields/", "--frozen", "--seed", "7", "--name", "all"),
    )
    assert told.code == 0, told.err
    printed = json.loads(told.out)
    tuner, definition = printed["tuner"], printed["tuner"]["TrainingJobDefinition"]
    assert tuner["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxParallelTrainingJobs"] == 1
    assert definition["StaticHyperParameters"].items() >= {"frozen": "true", "seed": "7"}.items()
    for request, tags in ((definition, tuner["Tags"]), *((job, job["Tags"]) for job in printed["jobs"])):
        resources = request["ResourceConfig"]
        assert (resources["InstanceType"], resources["InstanceCount"]) == ("ml.m5.2xlarge", 2)
        assert resources["VolumeSizeInGB"] == 50
        assert request["StoppingCondition"] == {"MaxRuntimeInSeconds": 1800, "MaxWaitTimeInSeconds": 10800}
        assert request["EnableManagedSpotTraining"] is True
        assert request["CheckpointConfig"]["S3Uri"].endswith("/leukolens-dev-all/checkpoints")
        (channel,) = request["InputDataConfig"]
        assert channel["InputMode"] == request["AlgorithmSpecification"]["TrainingInputMode"] == "File"
        assert channel["DataSource"]["S3DataSource"]["S3Uri"] == "s3://elsewhere/fields/"
        assert {"Key": "study", "Value": "lens"} in tags


def test_a_warm_pool_is_for_one_job(command):
    told = command("train", "--executor", "sagemaker", "--keep-alive", "10m", "--dry-run")
    (job,) = json.loads(told.out)["jobs"]
    assert job["ResourceConfig"]["KeepAlivePeriodInSeconds"] == 600
    # A job of an hour, and ten minutes after it.
    assert json.loads(told.out)["cost"]["hours"] == pytest.approx(70 / 60)
    told = command("sweep", "--executor", "sagemaker", "--keep-alive", "10m", "--seed", "1", "--seed", "2", "--dry-run")
    assert told.code == 2
    assert "a tuner hands its instances from job to job by itself" in told.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        # Nine equal jobs: a linear head has no learning rate.
        (
            ("sweep", "--frozen", "--learning-rate", "1e-5:1e-2", "--strategy", "bayesian", "--max-jobs", "9"),
            "--learning-rate: efficientnet-lite0 --frozen is a linear head on a frozen backbone",
        ),
        (
            ("sweep", "--frozen", "--backbone", "efficientnet-lite0", "--optimizer", "adam", "--optimizer", "sgd"),
            "--optimizer: efficientnet-lite0 --frozen",
        ),
        (
            ("sweep", "--frozen", "--backbone", "vgg16", "--learning-rate", "0.1:0.2", "--strategy", "random"),
            "--learning-rate: vgg16 --frozen",
        ),
        (("train", "--frozen", "--epochs", "6"), "--epochs: efficientnet-lite0 --frozen"),
        (("train", "--c", "1"), "--c: efficientnet-lite0 is fine-tuning, which has no such setting"),
        # A head of several layers has no such optimizer, of which the job itself would have told after billing began.
        (("train", "--frozen", "--backbone", "vgg16", "--optimizer", "adamw"), "--optimizer adamw: not allowed"),
        (("train", "--frozen", "--backbone", "vgg16", "--learning-rate", "0.1"), "--learning-rate: vgg16 --frozen"),
        # One of two backbones has it.
        (
            ("sweep", "--frozen", "--backbone", "vgg16", "--backbone", "efficientnet-lite0", "--epochs", "3"),
            "--epochs: efficientnet-lite0 --frozen",
        ),
        (
            ("sweep", "--optimizer", "sgd", "--optimizer", "adamw", "--weight-decay", "0.1"),
            "--weight-decay: --optimizer sgd has none",
        ),
        (
            ("sweep", "--frozen", "--c", "0.01:1", "--strategy", "hyperband", "--max-jobs", "9"),
            "--strategy hyperband: it stops jobs by their epochs, and a linear head on a frozen backbone has none",
        ),
    ],
)
def test_a_setting_that_the_method_does_not_have_is_refused_by_name(command, options, said):
    told = command(options[0], "--executor", "sagemaker", *options[1:], "--dry-run")
    assert told.code == 2, told.out
    assert said in told.err
    assert len(told.err.splitlines()) == 1


def test_a_linear_head_is_searched_over_its_own_penalty(command):
    told = command(
        *("sweep", "--executor", "sagemaker", "--frozen", "--c", "0.01:1", "--strategy", "bayesian", "--max-jobs", "9"),
        "--dry-run",
    )
    assert told.code == 0, told.err
    ranges = json.loads(told.out)["tuner"]["HyperParameterTuningJobConfig"]["ParameterRanges"]
    assert [one["Name"] for one in ranges["ContinuousParameterRanges"]] == ["c"]


def test_hyperband_stops_by_epochs(command):
    told = command(
        *("sweep", "--executor", "sagemaker", "--strategy", "hyperband", "--max-jobs", "12", "--epochs", "8"),
        *("--learning-rate", "1e-5:1e-2", "--dry-run"),
    )
    config = json.loads(told.out)["tuner"]["HyperParameterTuningJobConfig"]
    assert config["StrategyConfig"] == {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 8}}


def test_what_the_sdks_tuner_forgets_is_in_its_request():
    deployment = replace(
        assumed_deployment(read_environment("dev")),
        isolated=True,
        image="own:1",
        subnets=("subnet-1",),
        security_groups=("sg-1",),
    )
    plan = Plan(
        name="leukolens-dev-nine",
        environment="dev",
        kind="sweep",
        data="s3://smears/all",
        fixed={},
        choices={"optimizer": ("adam", "sgd")},
        instance_type="ml.m5.xlarge",
        max_runtime_s=3600,
        checkpoints="s3://models/training/x",
    )
    told = dry_run(plan, deployment, estimate(plan, deployment.region, read_prices()))
    definition = told["tuner"]["TrainingJobDefinition"]
    assert definition["EnableNetworkIsolation"] is True
    assert definition["VpcConfig"] == {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}
    assert definition["ResourceConfig"]["VolumeKmsKeyId"] == deployment.kms_key
    for job in told["jobs"]:
        assert job["EnableNetworkIsolation"] is True
        assert job["VpcConfig"] == definition["VpcConfig"]
        assert job["ResourceConfig"] == definition["ResourceConfig"]
        assert "sagemaker_program" not in job["HyperParameters"], "our own image has the code inside"


def test_one_job(command):
    told = command("train", "--executor", "sagemaker", "--instance-type", "ml.g5.xlarge", "--frozen", "--dry-run")
    (job,) = json.loads(told.out)["jobs"]
    assert job["HyperParameters"]["frozen"] == "true"
    assert job["ResourceConfig"]["InstanceType"] == "ml.g5.xlarge"
    assert "-gpu-" in job["AlgorithmSpecification"]["TrainingImage"]
    assert "VolumeKmsKeyId" not in job["ResourceConfig"], "its own disk is encrypted by hardware"


def test_a_budget_is_kept_in_a_dry_run_too(command):
    told = command(*GRID, "--instance-type", "ml.g5.12xlarge", "--dry-run")
    assert told.code == 2
    assert "the monthly budget of dev $50.00: this may cost up to $80." in told.err


def test_adapt_is_one_job_with_its_base_beside_the_images(command):
    told = command(
        *("adapt", "--executor", "sagemaker", "--name", "own", "--data", "my-slides", "--add-to-base"),
        *("--group-pattern", r"(P\d+)", "--spot", "--tag", "study=own", "--dry-run"),
    )
    assert told.code == 0, told.err
    printed = json.loads(told.out)
    assert "tuner" not in printed
    (job,) = printed["jobs"]
    own = {name: job["HyperParameters"][name] for name in ("command", "add-to-base", "group-pattern")}
    assert own == {"command": "adapt", "add-to-base": "true", "group-pattern": r"(P\d+)"}
    channels = {one["ChannelName"]: one["DataSource"]["S3DataSource"]["S3Uri"] for one in job["InputDataConfig"]}
    digest = folder_digest(Path("models/default"))
    assert channels == {
        "train": "s3://leukolens-dev-data-bucket/my-slides/",
        "base": f"s3://leukolens-dev-models-bucket/training/bases/{digest[:16]}/",
    }
    assert job["EnableManagedSpotTraining"] is True
    assert {"Key": "study", "Value": "own"} in job["Tags"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--group-pattern", "(P"), "--group-pattern '(P' is no regular expression"),
        (("--base", "nowhere"), "--base nowhere: "),
        (("--instance-count", "2"), "--instance-count: adapt computes on one instance"),
        (("--epochs", "3"), "unrecognized arguments: --epochs 3"),
    ],
)
def test_adapt_refuses_in_a_line_what_its_job_could_not_do(command, options, said):
    told = command("adapt", "--executor", "sagemaker", *options, "--dry-run")
    assert told.code == 2, told.out
    assert said in told.err
    assert len(told.err.splitlines()) == 1


def test_adapt_refuses_a_base_that_is_damaged_or_lends_nothing(command, tmp_path):
    base = tmp_path / "base"
    shutil.copytree("models/default", base)
    (base / "statistics.npz").unlink()
    told = command("adapt", "--executor", "sagemaker", "--base", str(base), "--add-to-base", "--dry-run")
    assert (told.code, len(told.err.splitlines())) == (2, 1)
    assert "has no statistics.npz of its classes; leave it out" in told.err
    (base / "model.tflite").write_bytes(b"another")
    told = command("adapt", "--executor", "sagemaker", "--base", str(base), "--dry-run")
    assert (told.code, len(told.err.splitlines())) == (2, 1)
    assert "model.tflite is not the file that its card names: restore it" in told.err
