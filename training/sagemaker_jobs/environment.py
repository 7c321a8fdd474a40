"""The environment that a command is about, and how AWS is reached there."""

import boto3

from infra.config import Environment
from infra.environments import NAMES, ConfigError, load_environment
from training.sagemaker_jobs.errors import LaunchError


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
