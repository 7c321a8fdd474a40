"""Where jobs of an environment run: role, buckets, image, tracking; from its stacks, or as they will be called.

The environment that a command is about, and how AWS is reached there.
"""

from dataclasses import dataclass, replace
from typing import Any

import boto3

from infra.config import Environment
from infra.environments import NAMES, ConfigError, load_environment
from infra.stack import Output, read_outputs, stack_name
from training.sagemaker_jobs.errors import LaunchError, explained
from training.sagemaker_jobs.plan import Plan

NO_ACCOUNT = "000000000000"
"""Stands in a dry run for the account that nobody was asked for."""


@dataclass(frozen=True)
class Deployment:
    """What the stacks of an environment made for its jobs.

    Attributes
    ----------
    environment, region
        Which one, and where.
    role_arn
        Of the job.
    data_bucket, models_bucket
        Where fields are read, and where models and checkpoints are written below ``training/``.
    kms_key
        ARN of the key of what a job writes, and of its disk.
    image
        URI of the training image; AWS's own for TensorFlow without one.
    tracking_uri
        Of MLflow: the App's ARN.
    policy
        Who may start jobs here.
    tracking_secret
        Of Secrets Manager, for a server that is not the App.
    subnets, security_groups
        Of the job, where it runs in a VPC.
    isolated
        Whether a job has no network at all.
    """

    environment: str
    region: str
    role_arn: str
    data_bucket: str
    models_bucket: str
    kms_key: str
    image: str | None
    tracking_uri: str
    policy: str
    tracking_secret: str | None = None
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    isolated: bool = False

    @property
    def output(self) -> str:
        """Give the prefix below which jobs may write."""
        return f"s3://{self.models_bucket}/training"


def deployment_for(plan: Plan, deployment: Deployment) -> Deployment:
    """Give the deployment with the role and the image that a plan has of its own."""
    return replace(deployment, role_arn=plan.role or deployment.role_arn, image=plan.image or deployment.image)


def assumed_deployment(environment: Environment) -> Deployment:
    """Give the deployment under the names that the stacks use, or placeholders: for a dry run, which asks nobody."""
    account = environment.account or NO_ACCOUNT
    name = f"leukolens-{environment.name}"
    own_image = f"{account}.dkr.ecr.{environment.region}.amazonaws.com/OWN-TRAINING-IMAGE"
    return Deployment(
        environment=environment.name,
        region=environment.region,
        role_arn=f"arn:aws:iam::{account}:role/{name}-training",
        data_bucket=f"{name}-data-bucket",
        models_bucket=f"{name}-models-bucket",
        kms_key=f"arn:aws:kms:{environment.region}:{account}:key/KEY-OF-{name.upper()}",
        image=own_image if _has_own_image(environment) else None,
        tracking_uri=_mlflow_uri(environment) or f"arn:aws:sagemaker:{environment.region}:{account}:mlflow-app/{name}",
        policy=f"{name}-training-launcher-{environment.region}",
        **_file_settings(environment),
    )


def read_deployment(environment: Environment, session: Any) -> Deployment:
    """Read the outputs of the environment's stacks.

    Parameters
    ----------
    environment
        Which one.
    session
        boto3's, for its region.

    Raises
    ------
    LaunchError
        A stack is not deployed, or may not be read.
    """
    policy = f"the managed policy leukolens-{environment.name}-training-launcher-{environment.region}"
    outputs = {
        stack: _outputs(session, stack_name(environment, stack), environment.name, policy)
        for stack in ("Storage", "Training")
    }
    training = outputs["Training"]
    return Deployment(
        environment=environment.name,
        region=environment.region,
        role_arn=training[Output.JOB_ROLE_ARN],
        data_bucket=outputs["Storage"][Output.DATA_BUCKET_NAME],
        models_bucket=outputs["Storage"][Output.MODELS_BUCKET_NAME],
        kms_key=outputs["Storage"][Output.KEY_ARN],
        image=training[Output.TRAINING_IMAGE_URI] if _has_own_image(environment) else None,
        tracking_uri=_mlflow_uri(environment) or training[Output.MLFLOW_APP_ARN],
        policy=policy,
        **_file_settings(environment),
    )


def _has_own_image(environment: Environment) -> bool:
    return environment.training.image == "own"


def _mlflow_uri(environment: Environment) -> str | None:
    return environment.training.mlflow.uri if environment.training.mlflow else None


def _file_settings(environment: Environment) -> dict[str, Any]:
    """Give what the environment's file says itself, without asking its stacks."""
    training = environment.training
    return {
        "tracking_secret": training.mlflow.secret_arn if training.mlflow else None,
        "subnets": training.network.subnet_ids if training.network else (),
        "security_groups": training.network.security_group_ids if training.network else (),
        "isolated": training.network_isolation,
    }


def _outputs(session: Any, stack: str, environment: str, policy: str) -> dict[str, str]:
    with explained(f"read the outputs of {stack}", policy):
        outputs = read_outputs(session.client("cloudformation"), stack)
    if outputs is None:
        raise LaunchError(f"--env {environment}: there is no {stack}; deploy it: make deploy ENV={environment}")
    return outputs


def read_environment(name: str) -> Environment:
    """Read an environment's file.

    Raises
    ------
    LaunchError
        There is none of that name, it cannot be used, or it trains nothing.
    """
    if name not in NAMES:
        raise LaunchError(f"--env {name}: no such environment; allowed: {', '.join(NAMES)}")
    try:
        environment = load_environment(name)
    except ConfigError as error:
        raise LaunchError(f"--env {name}: {error}") from error
    if not environment.training.enabled:
        raise LaunchError(f"--env {name}: training is not enabled in environments/{name}.toml")
    return environment


def open_session(environment: Environment) -> boto3.Session:
    """Give boto3's session for the environment's region, with the credentials that boto3 finds."""
    return boto3.Session(region_name=environment.region)
