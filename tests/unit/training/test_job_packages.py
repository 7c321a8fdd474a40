"""What a job imports is in its image: in the training lock, and for AWS's own image among the pins put into it."""

import ast
import re
import sys
from functools import cache
from importlib.metadata import packages_distributions, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from training.sagemaker_jobs.image import pins

ROOT = Path(__file__).resolve().parents[3]
IN_AWS_IMAGE = {"tensorflow", "tensorflow-cpu", "numpy", "boto3", "botocore"}


def _path(module: str) -> Path | None:
    for base in (ROOT, ROOT / "lambda"):
        inside = base.joinpath(*module.split("."))
        for path in (inside.with_suffix(".py"), inside / "__init__.py"):
            if path.is_file():
                return path
    return None


def _imported(path: Path) -> set[str]:
    """List what a file imports, at its top or later; relative names are whole."""
    package = path.relative_to(ROOT / "lambda" if "lambda" in path.parts else ROOT).parent.parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, (base, node.module)))
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return found


@cache
def _needed() -> frozenset[str]:
    """Give the distributions that a job's entry point imports, through every file of the project."""
    waiting, seen, needed = {"training.sagemaker_jobs.entry_point"}, set(), set()
    known = packages_distributions()
    while waiting:
        module = waiting.pop()
        seen.add(module)
        if path := _path(module):
            # A package's own file runs before a module in it.
            waiting |= (_imported(path) | {module.rpartition(".")[0]}) - seen - {""}
        elif (top := module.partition(".")[0]) in known and top not in sys.stdlib_module_names:
            needed |= {canonicalize_name(name) for name in known[top]}
    return frozenset(needed)


def _with_what_they_need(names: set[str]) -> set[str]:
    waiting, found = set(names), set()
    while waiting:
        name = waiting.pop()
        found.add(name)
        wanted = [Requirement(line) for line in requires(name) or []]
        waiting |= {
            canonicalize_name(one.name) for one in wanted if one.marker is None or one.marker.evaluate()
        } - found
    return found


def test_the_own_image_has_all_that_a_job_imports() -> None:
    lock = (ROOT / "training" / "requirements.txt").read_text(encoding="utf-8")
    assert "ai-edge-litert" in _needed()
    assert _needed() <= set(re.findall(r"^([a-z0-9.-]+)==", lock, re.MULTILINE))


def test_awss_image_gets_what_it_lacks() -> None:
    pinned = {pin.partition("==")[0] for pin in pins()}
    assert _needed() - IN_AWS_IMAGE <= _with_what_they_need(pinned)
