"""Both images build to the same layers twice: a digest can be made again from its commit."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.environments import load_environment
from infra.image import DOCKERFILE, stage_context, stage_page
from infra.rehearsal.container import build_image, is_podman

# Four builds without cache; minutes each where the machine is busy.
pytestmark = [pytest.mark.container, pytest.mark.timeout(1800)]


def layers(engine: str, tag: str) -> list[str]:
    said = subprocess.run(
        [engine, "inspect", "--format", "{{json .RootFS.Layers}}", tag], check=True, capture_output=True, text=True
    )
    return json.loads(said.stdout)


def age(folder: Path, time_s: int) -> Path:
    """Give every file another time, as another checkout has."""
    for path in folder.rglob("*"):
        os.utime(path, (time_s, time_s))
    return folder


@pytest.fixture
def rebuilt(engine: str, tmp_path: Path) -> Callable[..., list[str]]:
    """Give a function that builds an image anew from files of another time, and gives its layers."""
    if not is_podman(engine):
        pytest.xfail("Docker's default builder keeps the times of files: docs/decisions/087")

    def rebuilt(name: str, stage: Callable[[Path], Path], time_s: int, dockerfile: str = DOCKERFILE) -> list[str]:
        context = age(stage(tmp_path / str(time_s)), time_s)
        return layers(
            engine, build_image(engine, context, f"localhost/{name}:again", dockerfile=dockerfile, fresh=True)
        )

    return rebuilt


def test_the_lambda_image_has_the_same_layers_again(engine: str, image: str, rebuilt: Callable[..., list[str]]):
    first = layers(engine, image)
    assert len(first) > 2
    assert rebuilt("leukolens", lambda work: stage_context(load_environment("dev"), work), 1_600_000_000) == first


def test_the_pages_image_has_the_same_layers_again(rebuilt: Callable[..., list[str]]):
    first, second = (
        rebuilt("leukolens-page", stage_page, time_s, "frontend/Dockerfile")
        for time_s in (1_600_000_000, 1_700_000_000)
    )
    assert len(first) > 2
    assert first == second
