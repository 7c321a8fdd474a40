"""What is published in ECR, read from its tags: of which commit an image is, which model it holds, who ran it.

Every release has two images, the functions' and the page's, in one repository. Tags never change, so they can be
trusted to say: ``COMMIT`` and ``model-SHA256-COMMIT`` on the functions' image, ``page-COMMIT`` on the page's, and
``ENVIRONMENT-DIGEST`` on what an environment was given, which keeps it from being deleted (infra/stacks/delivery.py).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import boto3

from infra.environments import NAMES, ConfigError
from infra.image import Published
from infra.operations.errors import explained

PAGE, MODEL = "page-", "model-"
_SHORT = 12


def model_tag(sha256: str, commit: str) -> str:
    """Give the tag that says which model is in an image; one image a commit holds it, so the commit is part of it."""
    return f"{MODEL}{sha256}-{commit[:_SHORT]}"


@dataclass(frozen=True)
class Tags:
    """What the tags of one image say."""

    all: frozenset[str]

    @property
    def model(self) -> str | None:
        """Digest of the model in it, file and card; ``None`` where it was published before that was noted."""
        return next((tag[len(MODEL) :].split("-")[0] for tag in sorted(self.all) if tag.startswith(MODEL)), None)

    @property
    def commit(self) -> str | None:
        """Commit of the code in the image; ``None`` where no tag names it."""
        other = (PAGE, MODEL, *(f"{name}-" for name in NAMES))
        return next((tag for tag in sorted(self.all) if not tag.startswith(other)), None)


def client_of(image: Published) -> Any:
    """Give a client of the registry that holds an image."""
    return boto3.client("ecr", region_name=image.region)


def tags_of(image: Published, ecr: Any = None) -> Tags:
    """Read an image's tags.

    Raises
    ------
    ConfigError
        If there is no such image, or it may not be read.
    """
    ecr = ecr or client_of(image)
    with explained(image.uri, "ECR"):
        described = ecr.describe_images(**image.location, imageIds=[{"imageDigest": image.digest}])
    return Tags(frozenset(described["imageDetails"][0].get("imageTags", ())))


def entry_of(image: Published, ecr: Any) -> dict[str, Any]:
    """Read what the registry holds under an image's digest: its manifest, and of which kind that is.

    Raises
    ------
    ConfigError
        If there is no such image, or it may not be read.
    """
    with explained(image.uri, "ECR"):
        images = ecr.batch_get_image(**image.location, imageIds=[{"imageDigest": image.digest}])["images"]
    if not images:
        raise ConfigError(f"{image.uri}: there is no such image in the registry")
    return dict(images[0])


def add_tags(image: Published, tags: Iterable[str], ecr: Any = None) -> None:
    """Give an image more tags; one that it has already is left.

    Raises
    ------
    ConfigError
        If there is no such image, or a tag is another image's.
    """
    ecr = ecr or client_of(image)
    entry = entry_of(image, ecr)
    for tag in tags:
        try:
            ecr.put_image(
                **image.location,
                imageManifest=entry["imageManifest"],
                imageManifestMediaType=entry["imageManifestMediaType"],
                imageTag=tag,
            )
        except ecr.exceptions.ImageAlreadyExistsException:
            continue  # the same tag on the same image
        except ecr.exceptions.ImageTagAlreadyExistsException:
            raise ConfigError(f"the tag {tag} is on another image than {image.digest}: tags never change") from None
