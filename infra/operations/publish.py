"""Builds the images of a release once and publishes them in ECR, to be promoted by their digests."""

import base64
import os
import tempfile
from pathlib import Path
from typing import Any

import boto3

from infra.config import Environment
from infra.environments import ConfigError
from infra.image import DOCKERFILE, REPOSITORY, Published, read_reference, stage_context, stage_page
from infra.model import model_sha256
from infra.operations.published import PAGE, add_tags, model_tag
from infra.rehearsal.container import EngineError, build_image, find_engine
from infra.rehearsal.program import run_program

PLATFORMS = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}
PAGE_DOCKERFILE = "frontend/Dockerfile"


def publish(environment: Environment, tag: str, ecr: Any = None) -> dict[str, Published]:
    """Build the images of a release and push them, unless those tags are published already.

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
    dict of Published
        ``image`` (the functions') and ``page``, by digest.

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
    digests = {}
    for kind, name in {"image": tag, "page": f"{PAGE}{tag}"}.items():
        if (digest := _digest(ecr, name)) is None:
            _build_and_push(environment, kind, f"{uri}:{name}", ecr)
            digest = _digest(ecr, name)
        digests[kind] = read_reference(f"{uri}@{digest}")
    add_tags(digests["image"], [model_tag(model_sha256(environment.model), tag)], ecr)
    return digests


def _digest(ecr: Any, tag: str) -> str | None:
    try:
        described = ecr.describe_images(repositoryName=REPOSITORY, imageIds=[{"imageTag": tag}])
    except ecr.exceptions.ImageNotFoundException:
        return None
    return str(described["imageDetails"][0]["imageDigest"])


def _build_and_push(environment: Environment, kind: str, name: str, ecr: Any) -> None:
    engine = find_engine()
    if engine is None:
        raise EngineError("no container engine here: install podman or start Docker, then run the command again")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        if kind == "image":
            context, dockerfile = stage_context(environment, work), DOCKERFILE
            platform = PLATFORMS[environment.inference.architecture]
        else:
            # App Runner runs no other.
            context, dockerfile, platform = stage_page(work), PAGE_DOCKERFILE, PLATFORMS["x86_64"]
        # Without cache: a step that another build left, with other times, would be another digest.
        build_image(engine, context, name, dockerfile=dockerfile, platform=platform, fresh=True)
        # A login file of its own: the token neither shows in the list of processes nor stays behind.
        token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        _write_login(work, name.partition("/")[0], token)
        login = {"DOCKER_CONFIG": folder, "REGISTRY_AUTH_FILE": str(work / "config.json")}
        run_program([engine, "push", "--quiet", name], environment=os.environ | login, folder=work)


def _write_login(folder: Path, registry: str, token: str) -> None:
    base64.b64decode(token, validate=True)  # what is no token fails here, and not as a refused push
    path = folder / "config.json"
    path.touch(mode=0o600)
    path.write_text(f'{{"auths": {{"{registry}": {{"auth": "{token}"}}}}}}\n')
