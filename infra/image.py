"""Which image the functions run: one built from an exact context, or one that was built and published before.

CDK hashes the context to decide whether to build and deploy anew; a context that holds exactly what the image holds
makes a change of the page, of a test or of a file's time no new deployment.
"""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from infra.config import Environment
from infra.environments import ConfigError
from infra.model import CACHE, model_folder

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = "Dockerfile.lambda"
WORK = ROOT / ".work" / "images"
_PUBLISHED = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<repository>[a-z0-9/_.-]+)"
    r"@(?P<digest>sha256:[0-9a-f]{64})"
)


@dataclass(frozen=True)
class Published:
    """An image in a registry, by its digest: what was tested is what runs."""

    account: str
    region: str
    repository: str
    digest: str


Image = Path | Published
"""A folder to build from, or an image that is there."""


def find_image(environment: Environment, published: str | None = None) -> Image:
    """Give what the functions run.

    Parameters
    ----------
    environment
        Names the model.
    published
        ``ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY@sha256:DIGEST``; without it, a context to build from.

    Raises
    ------
    ConfigError
        If ``published`` is no such reference, or there is no model to put into the image.
    """
    if published is None:
        return stage_context(environment)
    if (found := _PUBLISHED.fullmatch(published)) is None:
        raise ConfigError(
            f"--context image={published}: give ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY@sha256:DIGEST, by "
            "digest and not by tag, since a tag can come to mean another image"
        )
    return Published(**found.groupdict())


def stage_context(environment: Environment, work: Path = WORK, models: Path = CACHE) -> Path:
    """Copy what the image is built from into ``<work>/<environment>``: Dockerfile, ``lambda/`` and one model.

    Raises
    ------
    ConfigError
        If there is no model to put into the image.
    """
    model = model_folder(environment.model, models)
    context = work / environment.name
    shutil.rmtree(context, ignore_errors=True)
    context.mkdir(parents=True)
    shutil.copy(ROOT / DOCKERFILE, context)
    shutil.copytree(ROOT / "lambda", context / "lambda", ignore=shutil.ignore_patterns("__pycache__", "*.pyc", ".*"))
    shutil.copytree(model, context / "models" / "default")
    return context
