"""What is missing of a sweep is started again; what is there is left alone."""

import pytest

from tests.unit.training.sagemaker_jobs.conftest import GRID

NAME = "leukolens-dev-nine"
RESUME = ("sweep", "--executor", "sagemaker", "--resume", NAME, "--detach")


def _started_again(account):
    return [name for name in account.backend.training_jobs if name not in account.jobs]


@pytest.fixture
def five_of_nine(account, command):
    """Give the account after a tuner that ended early: four jobs completed, one failed."""
    assert command(*GRID, "--detach").code == 0
    account.jobs = account.play_tuner(NAME, jobs=5)
    for job in account.jobs:
        account.tell(job, "Completed")
    account.tell(account.jobs[2], "Failed")
    account.finish_tuner(NAME, "Failed")
    return account


def test_the_missing_jobs_of_a_grid_are_started_as_many_as_may_run_at_a_time(five_of_nine, command):
    told = command(*RESUME)
    assert told.code == 0, told.err
    again = _started_again(five_of_nine)
    assert [name.removeprefix(NAME)[:4] for name in again] == ["-003", "-006", "-007"]
    assert "2 more are left" in told.err
    third = five_of_nine.sagemaker.describe_training_job(TrainingJobName=again[0])
    assert (third["HyperParameters"]["optimizer"], third["HyperParameters"]["batch-size"]) == ("adam", "64")
    assert third["CheckpointConfig"]["S3Uri"] == f"s3://smears-models/training/{NAME}/checkpoints"

    for name in again:
        five_of_nine.tell(name, "Completed")
    assert command(*RESUME).code == 0
    assert len(_started_again(five_of_nine)) == 5
    for name in _started_again(five_of_nine):
        five_of_nine.tell(name, "Completed")
    told = command(*RESUME)
    assert told.code == 2
    assert "all 9 jobs are complete" in told.err


def test_a_sweep_that_runs_is_left_alone(nine, command):
    told = command(*RESUME)
    assert told.code == 0
    assert "InProgress: nothing to start" in told.err
    assert _started_again(nine) == []


def test_a_search_goes_on_from_the_results_of_the_first(account, command):
    search = ("sweep", "--executor", "sagemaker", "--name", "nine", "--strategy", "bayesian", "--max-jobs", "12")
    assert command(*search, "--learning-rate", "1e-5:1e-2", "--detach").code == 0
    account.finish_tuner(NAME, "Stopped")
    assert command(*RESUME).code == 0
    (name,) = [name for name in account.backend.hyper_parameter_tuning_jobs if name != NAME]
    tuner = account.backend.hyper_parameter_tuning_jobs[name]
    assert tuner.warm_start_config["ParentHyperParameterTuningJobs"] == [{"HyperParameterTuningJobName": NAME}]
    assert tuner.hyper_parameter_tuning_job_config["ResourceLimits"]["MaxNumberOfTrainingJobs"] == 12


def test_hyperband_cannot_go_on(account, command):
    search = ("sweep", "--executor", "sagemaker", "--name", "nine", "--strategy", "hyperband", "--max-jobs", "12")
    assert command(*search, "--epochs", "6", "--learning-rate", "1e-5:1e-2", "--detach").code == 0
    account.finish_tuner(NAME, "Stopped")
    told = command(*RESUME)
    assert told.code == 2
    assert "bayesian and random searches only" in told.err


def test_an_interrupted_job_goes_on_from_its_own_checkpoints(account, command):
    train = ("train", "--executor", "sagemaker", "--detach")
    assert command(*train, "--name", "one", "--spot", "--seed", "7").code == 0
    (first,) = account.backend.training_jobs
    told = command(*train, "--resume", "leukolens-dev-one")
    assert told.code == 2
    assert "is Completed: nothing to go on with" in told.err

    account.tell(first, "Stopped")
    # The SDK names jobs by the second, and this test takes less.
    job = account.backend.training_jobs.pop(first)
    job.training_job_name = "leukolens-dev-one-20261101000000"
    account.backend.training_jobs[job.training_job_name] = job
    assert command(*train, "--resume", "leukolens-dev-one").code == 0
    again = next(name for name in account.backend.training_jobs if name != "leukolens-dev-one-20261101000000")
    job = account.sagemaker.describe_training_job(TrainingJobName=again)
    assert job["HyperParameters"]["seed"] == "7"
    assert job["CheckpointConfig"]["S3Uri"] == "s3://smears-models/training/leukolens-dev-one/checkpoints"


def test_what_is_left_is_held_to_the_limit_too(five_of_nine, command):
    told = command(*RESUME, "--max-cost", "0.50")
    assert told.code == 2
    assert "this may cost up to $0.89 (jobs 3 x" in told.err
    assert _started_again(five_of_nine) == []


def test_options_that_would_be_ignored_are_refused(nine, command):
    told = command(*RESUME, "--epochs", "9", "--spot")
    assert told.code == 2
    assert "leave out --epochs, --spot" in told.err


def test_an_unknown_name(account, command):
    told = command(*RESUME)
    assert told.code == 2
    assert f"--resume {NAME}: no such sweep" in told.err
