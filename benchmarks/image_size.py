"""What the Lambda image weighs above its base, and what that is made of. Needs a container engine."""

import subprocess
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console

from infra.environments import load_environment
from infra.image import stage_context
from infra.rehearsal.container import build_image, find_engine
from infra.rehearsal.program import ProgramError

from .budget import Budget
from .figures import bars, embed
from .markdown import table, where

TAG = "localhost/leukolens:measured"
LARGEST = 10
# du counts a folder once: the models, named first, are not in /var/task again.
_WEIGH = "du --summarize --bytes /opt/packages /var/task/models /var/task && du --summarize --bytes /opt/packages/*"


def measure(console: Console, budget: Budget) -> dict[str, Any] | None:
    """Build the image and weigh it; says so where no engine is at hand or none that builds it, and gives nothing."""
    engine = find_engine()
    if engine is None:
        console.print("image: no container engine here, so not measured: install Docker or podman")
        return None
    try:
        with tempfile.TemporaryDirectory() as folder:
            build_image(engine, stage_context(load_environment("dev"), Path(folder)), TAG)
    except ProgramError as error:
        console.print(f"image: {engine} does not build it here, so not measured: {error}", markup=False)
        return None
    image_bytes, base_bytes = _size(engine, TAG), _size(engine, "public.ecr.aws/lambda/python:3.13")
    parts = _parts(engine)
    packages = {Path(path).name: size for path, size in parts.items() if path.startswith("/opt/packages/")}
    largest = dict(sorted(packages.items(), key=lambda item: -item[1])[:LARGEST])
    results: dict[str, Any] = {
        "above_base_mb": round((image_bytes - base_bytes) / 1e6, 1),
        "packages_mb": round(parts["/opt/packages"] / 1e6, 1),
        "model_mb": round(parts["/var/task/models"] / 1e6, 1),
        "code_mb": round(parts["/var/task"] / 1e6, 2),
        "largest_packages_mb": {name: round(size / 1e6, 1) for name, size in largest.items()},
    }
    console.print(f"{results['above_base_mb']} MB above the base image")
    return results


def _size(engine: str, image: str) -> int:
    return int(_output([engine, "image", "inspect", "--format", "{{.Size}}", image]))


def _parts(engine: str) -> dict[str, int]:
    output = _output([engine, "run", "--rm", "--network", "none", "--entrypoint", "sh", TAG, "-c", _WEIGH])
    rows = (line.split("\t") for line in output.splitlines())
    return {path: int(size) for size, path in rows}


def _output(command: list[str]) -> str:
    # What the engine has to say of a failure is for the terminal.
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def section(results: dict[str, Any]) -> str:
    """Write the section of the page."""
    rows = [[name, f"{size:.1f}"] for name, size in results["largest_packages_mb"].items()]
    return "\n".join(
        [
            "## The Lambda image",
            "",
            where(results),
            "",
            f"{results['above_base_mb']} MB above its base image: packages {results['packages_mb']} MB, model"
            f" {results['model_mb']} MB, code {results['code_mb']} MB. The largest packages:",
            "",
            table(["package", "MB"], rows),
            embed("image", "The largest packages of the Lambda image, in megabytes"),
        ]
    )


def figures(results: dict[str, Any]) -> None:
    """Draw the largest packages."""
    sizes = results["largest_packages_mb"]
    bars("image", list(sizes), {"": list(sizes.values())}, "MB", log=False)
