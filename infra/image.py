"""Gather the build context of the Lambda image: its Dockerfile, ``lambda/`` and one model, and nothing else.

CDK hashes the context to decide whether to build and deploy anew; a context that holds exactly what the image holds
makes a change of the page, of a test or of a file's time no new deployment.
"""

import shutil
from pathlib import Path

from infra.config import Environment
from infra.environments import ConfigError

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = "Dockerfile.lambda"
WORK = ROOT / ".work" / "images"


def stage_context(environment: Environment, work: Path = WORK) -> Path:
    """Copy what the image is built from into ``<work>/<environment>``.

    Raises
    ------
    ConfigError
        If there is no model to put into the image.
    """
    model = ROOT / "models" / "default"
    for name in ("model.tflite", "model.json"):
        if not (model / name).is_file():
            raise ConfigError(f"models/default/{name} is missing: restore it from git, or run make train")
    context = work / environment.name
    shutil.rmtree(context, ignore_errors=True)
    context.mkdir(parents=True)
    shutil.copy(ROOT / DOCKERFILE, context)
    shutil.copytree(ROOT / "lambda", context / "lambda", ignore=shutil.ignore_patterns("__pycache__", "*.pyc", ".*"))
    shutil.copytree(model, context / "models" / "default")
    return context
