"""Builds the Lambda image once and publishes it in ECR, to be promoted by its digest."""

import base64
import os
import tempfile
from pathlib import Path
from typing import Any

import boto3

from infra.config import Environment
from infra.environments import ConfigError
from infra.image import stage_context
from infra.rehearsal.container import EngineError, build_image, find_engine
from infra.rehearsal.program import run_program

REPOSITORY = "leukolens"
"""As the delivery stack names it."""


def publish(environment: Environment, tag: str, ecr: Any = None) -> str:
    """Build the image of an environment and push it, unless that tag is published already.

    Parameters
    ----------
    environment
        Names the model and the architecture.
    tag
        Of the commit; the repository's tags never change.
    ecr
        Client of ECR; boto3's in the environment's region, if left out.

    Returns
    -------
    str
        ``ACCOUNT.dkr.ecr.REGION.amazonaws.com/leukolens@sha256:DIGEST``.

    Raises
    ------
    ConfigError
        If the delivery stack, which makes the repository, is not deployed.
    EngineError
        If no container engine is at hand.
    """
    ecr = ecr or boto3.client("ecr", region_name=environment.region)
    try:
        uri = ecr.describe_repositories(repositoryNames=[REPOSITORY])["repositories"][0]["repositoryUri"]
    except ecr.exceptions.RepositoryNotFoundException:
        raise ConfigError(
            f"there is no ECR repository {REPOSITORY!r} in {environment.region}: set builds_image = true under "
            f"[delivery] in environments/{environment.name}.toml and deploy the delivery stack first"
        ) from None
    if (digest := _digest(ecr, tag)) is None:
        _build_and_push(environment, f"{uri}:{tag}", ecr)
        digest = _digest(ecr, tag)
    return f"{uri}@{digest}"


def _digest(ecr: Any, tag: str) -> str | None:
    try:
        found = ecr.describe_images(repositoryName=REPOSITORY, imageIds=[{"imageTag": tag}])
    except ecr.exceptions.ImageNotFoundException:
        return None
    return str(found["imageDetails"][0]["imageDigest"])


def _build_and_push(environment: Environment, name: str, ecr: Any) -> None:
    engine = find_engine()
    if engine is None:
        raise EngineError("no container engine here: install podman or start Docker, then run the command again")
    with tempfile.TemporaryDirectory() as folder:
        # Without cache: a step that another build left, with other times, would be another digest.
        build_image(engine, stage_context(environment, Path(folder)), name, fresh=True)
        # A login file of its own: the token neither shows in the list of processes nor stays behind.
        token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        _write_login(Path(folder), name.partition("/")[0], token)
        login = {"DOCKER_CONFIG": folder, "REGISTRY_AUTH_FILE": str(Path(folder, "config.json"))}
        run_program([engine, "push", "--quiet", name], environment=os.environ | login, folder=Path(folder))


def _write_login(folder: Path, registry: str, token: str) -> None:
    base64.b64decode(token, validate=True)  # what is no token fails here, and not as a refused push
    path = folder / "config.json"
    path.touch(mode=0o600)
    path.write_text(f'{{"auths": {{"{registry}": {{"auth": "{token}"}}}}}}\n')
