"""What a job asks AWS of itself: where its data and results are in S3, and the login of an MLflow server."""

import json
import os
import sys
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

SECRET = "LEUKOLENS_MLFLOW_SECRET_ARN"  # noqa: S105 - the name of a variable
JOB_TAG = "sagemaker.job"
"""Of a run in MLflow: the job that it is of, by which the launcher finds it."""
_MEANINGS = {
    frozenset({"username", "password"}): {
        "username": "MLFLOW_TRACKING_USERNAME",
        "password": "MLFLOW_TRACKING_PASSWORD",
    },
    frozenset({"token"}): {"token": "MLFLOW_TRACKING_TOKEN"},
}
# A job in a network without an endpoint for it must not wait minutes to learn that.
_PATIENCE = Config(connect_timeout=5, read_timeout=10, retries={"max_attempts": 2})

Client = Callable[[str], Any]


class SecretError(ValueError):
    """The secret is no login to MLflow; says what it should hold. Its value is in no message."""


def aws(service: str) -> Any:
    """Make a client of AWS in the job's region."""
    # SageMaker names it by AWS_REGION, and boto3 reads AWS_DEFAULT_REGION alone.
    return boto3.client(service, region_name=os.environ.get("AWS_REGION"), config=_PATIENCE)


def log_in(environ: MutableMapping[str, str] = os.environ, client: Client = aws) -> None:
    """Put the login of an MLflow server where MLflow looks for it; without a secret there is nothing to do.

    Raises
    ------
    SecretError
        The secret cannot be read, or is not of a form that is understood.
    """
    arn = environ.get(SECRET)
    if not arn:
        return
    try:
        held = json.loads(client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])
    except (BotoCoreError, ClientError) as error:
        raise SecretError(f"the secret {arn} cannot be read: {error}") from error
    except (KeyError, json.JSONDecodeError):
        held = None
    if not isinstance(held, dict) or (names := _MEANINGS.get(frozenset(held))) is None:
        raise SecretError(f'the secret {arn} must be JSON: {{"username": ..., "password": ...}} or {{"token": ...}}')
    environ.update({names[key]: str(value) for key, value in held.items()})


def describe(environ: Mapping[str, str] = os.environ, client: Client = aws) -> dict[str, str]:
    """Give the tags of the job's run in MLflow; where AWS does not answer, those that need no asking."""
    name = environ.get("TRAINING_JOB_NAME", "")
    resources = json.loads(environ.get("SM_RESOURCE_CONFIG", "{}"))
    tags = {
        JOB_TAG: name,
        "sagemaker.instance_type": resources.get("current_instance_type", ""),
        "sagemaker.instance_count": str(len(resources.get("hosts", [])) or ""),
    }
    if name and environ.get("AWS_REGION"):
        try:
            tags |= _locations(client("sagemaker").describe_training_job(TrainingJobName=name))
        except (BotoCoreError, ClientError) as error:
            sys.stdout.write(f"the job's locations stay unknown to MLflow: {error}\n")
    return {key: value for key, value in tags.items() if value}


def _locations(job: Mapping[str, Any]) -> dict[str, str]:
    channels = {c["ChannelName"]: c["DataSource"].get("S3DataSource", {}) for c in job.get("InputDataConfig", [])}
    output = job["OutputDataConfig"]["S3OutputPath"].rstrip("/")
    return {
        "sagemaker.job_arn": job["TrainingJobArn"],
        "sagemaker.spot": str(job.get("EnableManagedSpotTraining", False)).lower(),
        "sagemaker.model": f"{output}/{job['TrainingJobName']}/output/model.tar.gz",
        "sagemaker.checkpoints": job.get("CheckpointConfig", {}).get("S3Uri", ""),
        **{f"sagemaker.channel.{name}": source.get("S3Uri", "") for name, source in channels.items()},
    }
