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

pytestmark = pytest.mark.container


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


@pytest.mark.parametrize(
    ("name", "dockerfile", "stage"),
    [
        ("leukolens", DOCKERFILE, lambda work: stage_context(load_environment("dev"), work)),
        ("leukolens-page", "frontend/Dockerfile", stage_page),
    ],
    ids=["lambda", "page"],
)
def test_the_same_inputs_give_the_same_layers(
    engine: str, tmp_path: Path, name: str, dockerfile: str, stage: Callable[[Path], Path]
):
    if not is_podman(engine):
        pytest.xfail("Docker's default builder keeps the times of files: docs/decisions/087")
    built = []
    for number in (1, 2):
        context = age(stage(tmp_path / str(number)), 1_600_000_000 + number * 86_400)
        tag = f"localhost/{name}:again-{number}"
        built.append(layers(engine, build_image(engine, context, tag, dockerfile=dockerfile, fresh=number == 2)))
    assert built[0] == built[1]
