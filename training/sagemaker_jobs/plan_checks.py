"""What may be asked of machines, times and names of one's own, as far as nobody needs to be asked."""

import argparse
import re
from functools import cache

import botocore.session

from infra.config import Environment
from training.data.s3 import BUCKET_NAME
from training.sagemaker_jobs.deployment import Deployment
from training.sagemaker_jobs.errors import LaunchError
from training.sagemaker_jobs.prices import Prices

MAX_S = 28 * 24 * 3600
"""Of a job, waits included: SageMaker's most."""
_MAX_KEEP_ALIVE_S = 3600
"""Of a warm pool, unless the account's quota is raised."""
_ROLE = r"arn:aws(-[a-z]+)*:iam::\d{12}:role/[\w+=,.@/-]{1,512}"
_IMAGE = (
    r"\d{12}\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?"
    r"/[a-z0-9][a-z0-9._/-]+(:[\w.-]+|@sha256:[0-9a-f]{64})"
)


def check_instance(instance_type: str, environment: Environment, prices: Prices) -> None:
    """Refuse an instance that SageMaker has not, or that the environment's image makes no use of.

    Raises
    ------
    LaunchError
        Says which there are.
    """
    if instance_type not in _training_instances():
        raise LaunchError(
            f"--instance-type {instance_type}: SageMaker trains on no such instance; priced here: "
            f"{', '.join(sorted(prices.instances))}"
        )
    if environment.training.image == "own" and instance_type.startswith(("ml.g", "ml.p")):
        raise LaunchError(
            f"--instance-type {instance_type}: it has a GPU, which the image of {environment.name} does not use; "
            f'choose an ml.m or ml.c instance, or training.image = "aws" in environments/{environment.name}.toml'
        )


@cache
def _training_instances() -> tuple[str, ...]:
    """Name the instances that SageMaker trains on, as botocore's description of the service does."""
    shape = botocore.session.get_session().get_service_model("sagemaker").shape_for("TrainingInstanceType")
    return tuple(getattr(shape, "enum", ()))


def check_capacity(options: argparse.Namespace) -> None:
    """Refuse numbers and times that no job can have, or that do not go together.

    Raises
    ------
    LaunchError
        Names the option and what is allowed.
    """
    for name in ("instance_count", "volume_gb"):
        if getattr(options, name) < 1:
            raise LaunchError(f"--{name.replace('_', '-')} {getattr(options, name)}: allowed: 1 or more")
    if options.kind == "adapt" and options.instance_count > 1:
        raise LaunchError("--instance-count: adapt computes on one instance; leave it out")
    _check_times(options)
    _check_warm_pool(options)


def _check_times(options: argparse.Namespace) -> None:
    if not 60 <= options.max_runtime <= MAX_S:
        raise LaunchError(f"--max-runtime: allowed: 1m to {MAX_S // 3600}h")
    if not options.max_wait:
        return
    if not options.spot:
        raise LaunchError("--max-wait: only spot jobs wait for capacity; give --spot with it, or leave it out")
    if not options.max_runtime <= options.max_wait <= MAX_S:
        raise LaunchError(f"--max-wait: it includes the run itself; allowed: --max-runtime to {MAX_S // 3600}h")


def _check_warm_pool(options: argparse.Namespace) -> None:
    if not options.keep_alive:
        return
    if options.spot:
        raise LaunchError("--keep-alive: spot instances cannot be kept warm; leave out --spot or --keep-alive")
    if options.kind == "sweep":
        raise LaunchError("--keep-alive: it is for train; a tuner hands its instances from job to job by itself")
    if options.keep_alive > _MAX_KEEP_ALIVE_S:
        raise LaunchError("--keep-alive: allowed: up to 1h")


def check_own_names(options: argparse.Namespace, deployment: Deployment) -> None:
    """Refuse a role, a bucket or an image of one's own that cannot be one.

    Raises
    ------
    LaunchError
        Names the option and what is allowed.
    """
    if options.role is not None and not re.fullmatch(_ROLE, options.role):
        raise LaunchError(f"--role {options.role}: allowed: the ARN of a role, arn:aws:iam::ACCOUNT:role/NAME")
    if options.bucket is not None and not re.fullmatch(BUCKET_NAME, options.bucket):
        raise LaunchError(f"--bucket {options.bucket}: allowed: the name of a bucket, without s3:// and prefix")
    if options.image is None:
        return
    image = re.fullmatch(_IMAGE, options.image)
    if image is None:
        raise LaunchError(
            f"--image {options.image}: allowed: an image of ECR with its tag or digest, "
            f"ACCOUNT.dkr.ecr.{deployment.region}.amazonaws.com/NAME:TAG"
        )
    if image["region"] != deployment.region:
        raise LaunchError(
            f"--image {options.image}: it is in {image['region']}, and SageMaker in {deployment.region} takes no image "
            f"from elsewhere: push it to {deployment.region}"
        )
