"""A sweep has one run in MLflow, under which its jobs' runs are filed."""

from dataclasses import replace

from mlflow import MlflowClient

from training.sagemaker_jobs.deployment import assumed_deployment, read_environment
from training.sagemaker_jobs.mlflow_runs import make_parent
from training.sagemaker_jobs.plan import Plan

PLAN = Plan(
    name="leukolens-dev-nine",
    environment="dev",
    kind="sweep",
    data="s3://smears-data/smears",
    fixed={},
    choices={"optimizer": ("adam", "sgd")},
    instance_type="ml.m5.xlarge",
    max_runtime_s=3600,
    tags={"leukolens:manifest": "abc"},
)


def test_the_parent_run_names_the_sweep_and_its_data(tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    deployment = replace(assumed_deployment(read_environment("dev")), tracking_uri=uri)
    made = MlflowClient(tracking_uri=uri).get_run(make_parent(PLAN, deployment))
    assert made.info.run_name == "leukolens-dev-nine"
    assert made.data.tags["leukolens.sweep"] == "leukolens-dev-nine"
    assert made.data.tags["leukolens:manifest"] == "abc"
    experiment = MlflowClient(tracking_uri=uri).get_experiment(made.info.experiment_id)
    assert experiment.name == "leukolens-dev"
    assert make_parent(PLAN, deployment) != made.info.run_id, "another sweep, another run, the same experiment"


def test_two_sweeps_make_the_experiment_at_the_same_time(tmp_path, monkeypatch):
    deployment = replace(assumed_deployment(read_environment("dev")), tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")
    look_up, is_first = MlflowClient.get_experiment_by_name, iter((True,))

    def overtaken(client, name):
        """Find nothing at first, and let the other sweep make it then."""
        if next(is_first, False):
            client.create_experiment(name)
            return None
        return look_up(client, name)

    monkeypatch.setattr(MlflowClient, "get_experiment_by_name", overtaken)
    assert make_parent(PLAN, deployment)
