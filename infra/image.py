"""Which image the functions run: one built from an exact context, or one that was built and published before.

CDK hashes the context to decide whether to build and deploy anew; a context that holds exactly what the image holds
makes a change of the page, of a test or of a file's time no new deployment.
"""

import atexit
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from infra.config import Environment
from infra.environments import ConfigError
from infra.model import CACHE, model_folder

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = "Dockerfile.lambda"
_PUBLISHED = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<repository>[a-z0-9/_.-]+)"
    r"@(?P<digest>sha256:[0-9a-f]{64})"
)
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")


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


def stage_context(environment: Environment, work: Path | None = None, models: Path = CACHE) -> Path:
    """Copy what the image is built from into a folder below ``work``: Dockerfile, ``lambda/`` and one model.

    Without ``work`` the folder lasts as long as this process; CDK has its own copy by then.

    Raises
    ------
    ConfigError
        If there is no model to put into the image.
    """
    model = model_folder(environment.model, models)
    context = _empty("lambda", work)
    shutil.copy(ROOT / DOCKERFILE, context)
    shutil.copytree(ROOT / "lambda", context / "lambda", ignore=_LEFT_OUT)
    shutil.copytree(model, context / "models" / "default")
    return context


def stage_page(work: Path | None = None) -> Path:
    """Copy what the page's image is built from into a folder, as :func:`stage_context` does."""
    context = _empty("page", work)
    for folder in ("frontend", "client", "samples"):
        shutil.copytree(ROOT / folder, context / folder, ignore=_LEFT_OUT)
    (context / "lambda" / "api").mkdir(parents=True)
    for name in ("__init__.py", "schemas.py"):
        shutil.copy(ROOT / "lambda" / "api" / name, context / "lambda" / "api")
    shutil.copytree(ROOT / "lambda" / "intake", context / "lambda" / "intake", ignore=_LEFT_OUT)
    return context


def stage_training(work: Path | None = None) -> Path:
    """Copy what the image of a training job is built from into a folder, as :func:`stage_context` does."""
    context = _empty("training", work)
    shutil.copy(ROOT / "Dockerfile.training", context)
    shutil.copytree(ROOT / "training", context / "training", ignore=_LEFT_OUT)
    for name in ("inference", "intake"):
        shutil.copytree(ROOT / "lambda" / name, context / "lambda" / name, ignore=_LEFT_OUT)
    return context


def _empty(name: str, work: Path | None) -> Path:
    """Give an empty folder; of this process alone, so that two syntheses at once never share one."""
    if work is None:
        work = Path(tempfile.mkdtemp(prefix="leukolens-image-"))
        atexit.register(shutil.rmtree, work, ignore_errors=True)
    context = work / name
    shutil.rmtree(context, ignore_errors=True)
    context.mkdir(parents=True)
    return context
