"""The SDK's objects for a plan: one ModelTrainer for each job, one HyperparameterTuner for a sweep.

Importing the SDK takes several seconds, so this module is imported when something is about to be started.
"""

import os
from functools import lru_cache
from typing import Any

from sagemaker.core.helper.session_helper import Session
from sagemaker.core.parameter import CategoricalParameter, ContinuousParameter, IntegerParameter, ParameterRange
from sagemaker.core.shapes import (
    Channel,
    DataSource,
    HyperbandStrategyConfig,
    HyperParameterTuningJobStrategyConfig,
    HyperParameterTuningJobWarmStartConfig,
    ParentHyperParameterTuningJob,
    S3DataSource,
)
from sagemaker.core.training.configs import (
    CheckpointConfig,
    Compute,
    MetricDefinition,
    Networking,
    OutputDataConfig,
    StoppingCondition,
    Tag,
)
from sagemaker.train.model_trainer import ModelTrainer
from sagemaker.train.tuner import HyperparameterTuner

from training.sagemaker_jobs.deployment import Deployment, deployment_for
from training.sagemaker_jobs.image import script_of, training_image
from training.sagemaker_jobs.mlflow_runs import experiment_of
from training.sagemaker_jobs.plan import ENVIRONMENT_TAG, OBJECTIVE, PROJECT_TAG, RUN_TAG, STRATEGIES, Plan, Range

# A job's log has lines such as "metric: val_balanced_accuracy=0.973 epoch=3".
METRICS = {
    **{name: rf"metric: {name}=([0-9.eE+-]+)" for name in (OBJECTIVE, "val_loss", "val_accuracy", "loss", "accuracy")},
    "epoch": r"metric: .* epoch=([0-9]+)",
}
_QUIET = {"SchemaVersion": "1.0", "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}}


def trainer(
    plan: Plan, deployment: Deployment, hyperparameters: dict[str, str], session: Any, name: str
) -> ModelTrainer:
    """Make the SDK's object for one job.

    Parameters
    ----------
    plan, deployment
        What, and where.
    hyperparameters
        Of this job.
    session
        boto3's, for the deployment's region.
    name
        To which the SDK appends the time.
    """
    # The SDK would ask IAM about the role for each object; what the caller may do is asked once, in preflight.py.
    os.environ.setdefault("SAGEMAKER_VALIDATE_ROLE", "false")
    deployment = deployment_for(plan, deployment)
    channels = {"train": plan.data, **({"base": plan.base} if plan.base else {})}
    model_trainer = ModelTrainer(
        sagemaker_session=_sdk_session(session, deployment),
        role=deployment.role_arn,
        base_job_name=name,
        training_image=training_image(plan, deployment),
        training_input_mode=plan.input_mode,
        input_data_config=[_channel(plan, name, uri) for name, uri in channels.items()],
        output_data_config=OutputDataConfig(
            s3_output_path=plan.output or deployment.output, kms_key_id=deployment.kms_key, compression_type="GZIP"
        ),
        checkpoint_config=CheckpointConfig(s3_uri=plan.checkpoints),
        compute=Compute(
            instance_type=plan.instance_type,
            instance_count=plan.instance_count,
            volume_size_in_gb=plan.volume_gb,
            enable_managed_spot_training=plan.spot,
            keep_alive_period_in_seconds=plan.keep_alive_s or None,
            volume_kms_key_id=_disk_key(plan.instance_type, deployment),
        ),
        stopping_condition=StoppingCondition(
            max_runtime_in_seconds=plan.max_runtime_s, max_wait_time_in_seconds=plan.max_wait_s
        ),
        networking=_networking(deployment),
        environment=_environment(plan, deployment),
        hyperparameters={**hyperparameters, **script_of(deployment)},
        tags=[Tag(key=key, value=value) for key, value in tags_of(plan).items()],
    )
    return model_trainer.with_metric_definitions(
        [MetricDefinition(name=n, regex=regex) for n, regex in METRICS.items()]
    )


def tuner(plan: Plan, deployment: Deployment, session: Any, previous_search: str | None = None) -> HyperparameterTuner:
    """Make the SDK's object for a sweep.

    Parameters
    ----------
    plan, deployment, session
        As for ``trainer``.
    previous_search
        An earlier search whose results this one starts from.
    """
    return HyperparameterTuner(
        trainer(plan, deployment, plan.fixed, session, plan.name),
        objective_metric_name=OBJECTIVE,
        objective_type="Maximize",
        hyperparameter_ranges={
            **{name: CategoricalParameter(list(values)) for name, values in plan.choices.items()},
            **{name: _parameter(name, value_range) for name, value_range in plan.ranges.items()},
        },
        metric_definitions=[{"Name": name, "Regex": regex} for name, regex in METRICS.items()],
        strategy=STRATEGIES[plan.strategy],
        strategy_config=_strategy(plan),
        max_jobs=plan.max_jobs,
        max_parallel_jobs=plan.parallel,
        warm_start_config=_warm_start(previous_search) if previous_search else None,
    )


def tags_of(plan: Plan) -> dict[str, str]:
    """Give the tags of a plan's jobs: what bills are split by, and what a sweep's jobs are found by."""
    return {PROJECT_TAG: "leukolens", ENVIRONMENT_TAG: plan.environment, RUN_TAG: plan.name, **plan.tags}


@lru_cache(maxsize=4)
def _sdk_session(session: Any, deployment: Deployment) -> Session:
    """Make the SDK's session once: it makes six clients of AWS, most of a second, and a grid has many jobs."""

    def complete(params: dict[str, Any], **_: Any) -> None:
        """Put into a tuner's request what the SDK's tuner leaves out of its trainer's settings."""
        definition = params["TrainingJobDefinition"]
        definition["EnableNetworkIsolation"] = deployment.isolated
        if key := _disk_key(definition["ResourceConfig"]["InstanceType"], deployment):
            definition["ResourceConfig"]["VolumeKmsKeyId"] = key

    # Before any client is made: each takes the handlers that there are by then.
    session.events.register("provide-client-params.sagemaker.CreateHyperParameterTuningJob", complete)
    return Session(boto_session=session, default_bucket=deployment.models_bucket, sagemaker_config=_QUIET)


def _disk_key(instance_type: str, deployment: Deployment) -> str | None:
    """Give the key of an instance's disk; those with a disk of their own (NVMe) encrypt it and take no other key."""
    family = instance_type.split(".")[1]
    return None if family.startswith(("g", "p", "trn")) or "d" in family else deployment.kms_key


def _channel(plan: Plan, name: str, uri: str) -> Channel:
    # Not the SDK's InputData, which reads in File mode whatever the trainer is told.
    return Channel(
        channel_name=name,
        input_mode=plan.input_mode,
        data_source=DataSource(
            s3_data_source=S3DataSource(
                s3_data_type="S3Prefix", s3_uri=f"{uri}/", s3_data_distribution_type="FullyReplicated"
            )
        ),
    )


def _networking(deployment: Deployment) -> Networking | None:
    if not (deployment.subnets or deployment.isolated):
        return None
    return Networking(
        subnets=list(deployment.subnets) or None,
        security_group_ids=list(deployment.security_groups) or None,
        enable_network_isolation=deployment.isolated,
    )


def _environment(plan: Plan, deployment: Deployment) -> dict[str, str]:
    sweep = {"LEUKOLENS_SWEEP": plan.name} if plan.kind == "sweep" else {}
    parent = {"LEUKOLENS_PARENT_RUN": plan.parent_run} if plan.parent_run else {}
    secret = {"LEUKOLENS_MLFLOW_SECRET_ARN": deployment.tracking_secret} if deployment.tracking_secret else {}
    tracking = {
        "MLFLOW_TRACKING_URI": deployment.tracking_uri,
        "MLFLOW_EXPERIMENT_NAME": experiment_of(plan.environment),
        **secret,
    }
    return {**tracking, **sweep, **parent}


def _parameter(name: str, value_range: Range) -> ParameterRange:
    scale = "Logarithmic" if value_range.log or name == "learning-rate" else "Auto"
    if value_range.kind == "integer":
        return IntegerParameter(int(value_range.low), int(value_range.high), scaling_type=scale)
    return ContinuousParameter(value_range.low, value_range.high, scaling_type=scale)


def _strategy(plan: Plan) -> HyperParameterTuningJobStrategyConfig | None:
    if plan.strategy != "hyperband":
        return None
    # The resource is an epoch: the poor are stopped after one, the best get all.
    bounds = HyperbandStrategyConfig(min_resource=1, max_resource=int(plan.fixed["epochs"]))
    return HyperParameterTuningJobStrategyConfig(hyperband_strategy_config=bounds)


def _warm_start(previous_search: str) -> HyperParameterTuningJobWarmStartConfig:
    return HyperParameterTuningJobWarmStartConfig(
        warm_start_type="IdenticalDataAndAlgorithm",
        parent_hyper_parameter_tuning_jobs=[
            ParentHyperParameterTuningJob(hyper_parameter_tuning_job_name=previous_search)
        ],
    )
