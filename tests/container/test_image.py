"""What is in the image, and what it cannot do."""

import json
import re
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.container

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def shell(engine, image):
    def shell(*command: str) -> subprocess.CompletedProcess[str]:
        line = [
            engine,
            "run",
            "--rm",
            "--read-only",
            "--network",
            "none",
            "--entrypoint",
            command[0],
            image,
            *command[1:],
        ]
        return subprocess.run(line, capture_output=True, text=True)

    return shell


def test_it_runs_as_nobody(shell):
    assert shell("id", "-u").stdout.strip() == "65534"


def test_it_cannot_change_itself(shell):
    done = shell("sh", "-c", "echo x > /var/task/handler.py")
    assert done.returncode != 0


def test_it_holds_the_service_and_its_model_and_nothing_else(shell):
    names = set(shell("ls", "/var/task").stdout.split())
    code = {path.name for path in (ROOT / "lambda").iterdir() if not path.name.startswith((".", "__"))}
    assert names == code | {"__pycache__", "models"}
    assert shell("ls", "/var/task/models/default").stdout.split() == ["model.json", "model.tflite"]


def test_packages_are_those_of_the_lock(shell):
    program = """
import importlib.metadata, json
found = importlib.metadata.distributions(path=["/opt/packages"])
print(json.dumps({found.name.lower().replace("_", "-").replace(".", "-"): found.version for found in found}))
"""
    installed = json.loads(shell("python3", "-c", program).stdout)
    locked = re.findall(r"^([a-z0-9-]+)==([^ ]+)", (ROOT / "lambda" / "requirements.txt").read_text(), re.MULTILINE)
    assert "numpy" in installed
    assert set(installed.items()) <= set(locked)


def test_packages_come_before_the_base_images_own(shell):
    program = "import boto3, awslambdaric; print(boto3.__file__, awslambdaric.__file__)"
    for path in shell("python3", "-c", program).stdout.split():
        assert path.startswith("/opt/packages/")


def test_code_is_compiled_beforehand(shell):
    """A read-only file system keeps no byte code, so every cold start would compile it anew."""
    program = """
import handler, pathlib, sys
for module in list(sys.modules.values()):
    source = getattr(module, "__file__", None) or ""
    if source.startswith(("/opt/", "/var/task/")) and source.endswith(".py"):
        print("compiled" if pathlib.Path(module.__cached__).exists() else source)
"""
    done = shell("python3", "-c", program)
    assert set(done.stdout.split()) == {"compiled"}, done.stderr


def test_what_serving_never_loads_is_left_out(shell):
    listed = shell(
        "find", "/opt/packages", "-name", "*WebGpu*", "-o", "-path", "*/botocore/data/ec2", "-o", "-name", "tests"
    )
    assert listed.returncode == 0
    assert listed.stdout == ""
