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
from infra.model import CACHE, NotFetchedError, model_folder

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = "Dockerfile.lambda"
REPOSITORY = "leukolens"
"""Of the published images in ECR."""
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

    @property
    def uri(self) -> str:
        """Address by which a service pulls it."""
        return f"{self.account}.dkr.ecr.{self.region}.amazonaws.com/{self.repository}@{self.digest}"

    @property
    def location(self) -> dict[str, str]:
        """Registry and repository, as ECR's calls take them."""
        return {"registryId": self.account, "repositoryName": self.repository}


Image = Path | Published
"""A folder to build from, or an image that is there."""


def read_reference(reference: str) -> Published:
    """Read ``ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY@sha256:DIGEST``.

    Raises
    ------
    ConfigError
        If it is no such reference.
    """
    if (match := _PUBLISHED.fullmatch(reference)) is None:
        raise ConfigError(
            f"--context image={reference}: give ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY@sha256:DIGEST, by "
            "digest and not by tag, since a tag can come to mean another image"
        )
    return Published(**match.groupdict())


def find_image(environment: Environment, published: str | None = None) -> Image:
    """Give what the functions run. Asks nothing of the network: a model of S3 that is not here yet is left open.

    Parameters
    ----------
    environment
        Names the model.
    published
        ``ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY@sha256:DIGEST``; without it, a context to build from.

    Raises
    ------
    ConfigError
        If ``published`` is no such reference or of another region, or there is no model to put into the image.
    """
    if published is None:
        return stage_context(environment, offline=True)
    return _of_region(read_reference(published), environment)


def find_page(environment: Environment, published: str | None = None) -> Image:
    """Give what the page runs, as :func:`find_image` does for the functions."""
    return stage_page() if published is None else _of_region(read_reference(published), environment)


def _of_region(image: Published, environment: Environment) -> Published:
    """Refuse an image of another region, from which Lambda does not pull."""
    if image.region != environment.region:
        raise ConfigError(
            f"the image {image.uri} is in {image.region}, and {environment.name} in {environment.region}: functions "
            "pull from their own region only, so publish it there"
        )
    return image


def stage_context(
    environment: Environment, work: Path | None = None, models: Path = CACHE, *, offline: bool = False
) -> Path:
    """Copy what the image is built from into a folder below ``work``: Dockerfile, ``lambda/`` and one model.

    Without ``work`` the folder lasts as long as this process; CDK has its own copy by then. Where ``offline`` is asked
    for and the model is in S3 and was not fetched, the folder can be hashed and not built: its build fails by naming
    ``make fetch``.

    Raises
    ------
    ConfigError
        If there is no model to put into the image.
    """
    try:
        model = model_folder(environment.model, models, offline=offline)
    except NotFetchedError as error:
        context = _empty("lambda", work)
        (context / DOCKERFILE).write_text(
            f"# {error}\nFROM scratch\nCOPY the-model-is-not-here-run-make-fetch-ENV={environment.name} /\n"
        )
        return context
    context = _empty("lambda", work)
    shutil.copy(ROOT / DOCKERFILE, context)
    shutil.copytree(ROOT / "lambda", context / "lambda", ignore=_LEFT_OUT)
    # Statistics lie there for whoever adapts the model; nothing that is served reads them.
    shutil.copytree(model, context / "models" / "default", ignore=shutil.ignore_patterns("*.npz"))
    return context


def stage_page(work: Path | None = None) -> Path:
    """Copy what the page's image is built from into a folder, as :func:`stage_context` does."""
    context = _empty("page", work)
    for folder in ("frontend", "client", "terminal", "samples"):
        shutil.copytree(ROOT / folder, context / folder, ignore=_LEFT_OUT)
    (context / "lambda" / "api").mkdir(parents=True)
    for name in ("__init__.py", "schemas.py"):
        shutil.copy(ROOT / "lambda" / "api" / name, context / "lambda" / "api")
    shutil.copy(ROOT / "lambda" / "untrusted.py", context / "lambda")
    shutil.copytree(ROOT / "lambda" / "intake", context / "lambda" / "intake", ignore=_LEFT_OUT)
    (context / "local").mkdir()
    for name in ("__init__.py", "deadlines.py"):
        shutil.copy(ROOT / "local" / name, context / "local")
    return context


def stage_training() -> Path:
    """Copy what the image of a training job is built from into a folder, as :func:`stage_context` does."""
    context = _empty("training", None)
    shutil.copy(ROOT / "Dockerfile.training", context)
    shutil.copytree(ROOT / "training", context / "training", ignore=_LEFT_OUT)
    for name in ("inference", "intake"):
        shutil.copytree(ROOT / "lambda" / name, context / "lambda" / name, ignore=_LEFT_OUT)
    (context / "lambda" / "api").mkdir()
    for name in ("__init__.py", "schemas.py", "answers.py"):
        shutil.copy(ROOT / "lambda" / "api" / name, context / "lambda" / "api")
    shutil.copy(ROOT / "lambda" / "untrusted.py", context / "lambda")
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
