"""What a deploy asks of a published image, and what it notes of it: which model it holds, and where it ran."""

import hashlib
from typing import Any

from infra.config import Environment
from infra.environments import ConfigError
from infra.image import Published
from infra.model import model_sha256
from infra.operations.published import PAGE, add_tags, client_of, entry_of, tags_of


def verify(environment: Environment, image: Published, ecr: Any = None) -> str:
    """Refuse an image that holds another model than the environment names.

    One rule everywhere: the image holds the model, and an environment's ``[model]`` (the shipped one, where it has
    none) says which model that must be.

    Returns
    -------
    str
        What was found.

    Raises
    ------
    ConfigError
        If the image holds another model, or nothing says which.
    """
    wanted, tags = model_sha256(environment.model), tags_of(image, ecr)
    source = f"environments/{environment.name}.toml" if environment.model else "models/default"
    if tags.model is None:
        raise ConfigError(f"{image.uri}: no tag says which model it holds: publish it again (make publish)")
    if tags.model != wanted:
        raise ConfigError(
            f"{image.uri} holds the model {tags.model[:16]}, and {environment.name} is to serve {wanted[:16]} "
            f"({source}): promote the same model here, or deploy the commit of that image ({tags.commit})"
        )
    return f"{environment.name} serves the model {wanted[:16]}, which is in the image"


def resolve(image: Published, ecr: Any = None) -> dict[str, str]:
    """Give what a rollback needs to know of an image: its release's commit and page.

    Raises
    ------
    ConfigError
        If the image is of no commit, or its page is gone.
    """
    ecr = ecr or client_of(image)
    commit = tags_of(image, ecr).commit
    if commit is None:
        raise ConfigError(f"{image.uri}: no tag names its commit, so its page and settings are unknown")
    try:
        details = ecr.describe_images(**image.location, imageIds=[{"imageTag": f"{PAGE}{commit}"}])["imageDetails"][0]
    except ecr.exceptions.ImageNotFoundException:
        raise ConfigError(f"the page of {commit} is not in the registry any more: publish that commit again") from None
    page = Published(image.account, image.region, image.repository, details["imageDigest"])
    return {"image": image.uri, "page": page.uri, "commit": commit}


def keep(environment: Environment, images: list[Published], ecr: Any = None) -> list[str]:
    """Note that an environment runs images, so that the registry keeps them; gives the tags."""
    noted = []
    for image in images:
        tag = f"{environment.name}-{image.digest.removeprefix('sha256:')[:16]}"
        add_tags(image, [tag], ecr)
        noted.append(tag)
    return noted


def manifest(image: Published, ecr: Any = None) -> bytes:
    """Give an image's manifest: its SHA-256 is the image's digest, and so what a signature of the image is about.

    Raises
    ------
    ConfigError
        If there is no such image, it may not be read, or the registry gives another manifest.
    """
    content = str(entry_of(image, ecr or client_of(image))["imageManifest"]).encode()
    if (digest := f"sha256:{hashlib.sha256(content).hexdigest()}") != image.digest:
        raise ConfigError(f"{image.uri}: the registry gave the manifest {digest}")
    return content
