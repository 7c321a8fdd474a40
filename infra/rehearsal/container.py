"""Runs one entry point of the image: in a container where there is an engine, else in a process of this machine."""

import contextlib
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

from infra.image import DOCKERFILE, ROOT
from infra.rehearsal.program import run_program
from local.children import Child

_STOPPED_S = 60
_BUILT_AT_S = 315_532_800
"""The time of every file that a build adds: 1980, the first year that a ZIP archive can hold, and not when it ran."""


class EngineError(Exception):
    """Nothing here can run the image; the message says what to install."""


def find_engine() -> str | None:
    """Give the command of a container engine that works: ``CDK_DOCKER``, podman or Docker, whichever comes first."""
    for name in (os.environ.get("CDK_DOCKER"), "podman", "docker"):
        if name and engine_works(name):
            return name
    return None


def engine_works(name: str) -> bool:
    """Say whether a command is that of a container engine which runs."""
    # A client without an engine behind it answers --version, but not info.
    return bool(shutil.which(name)) and _quiet([name, "info"]).returncode == 0


def _quiet(command: list[str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)  # noqa: S603 - an engine


def is_podman(engine: str) -> bool:
    """Tell whether a command is podman, under whatever name."""
    return b"podman" in _quiet([engine, "--version"]).stdout


def build_image(
    engine: str,
    context: Path,
    tag: str,
    *,
    dockerfile: str = DOCKERFILE,
    fresh: bool = False,
    platform: str | None = None,
) -> str:
    """Build an image, the Lambda image unless told otherwise, and give its tag.

    With podman the same inputs give the same layers, and so the same digest
    (docs/decisions/087-the-same-inputs-the-same-layers.md).

    Parameters
    ----------
    dockerfile
        Its path in ``context``.
    fresh
        Do every step anew, whatever an earlier build left.
    platform
        ``linux/arm64``, ...; this machine's own, if left out.

    Raises
    ------
    EngineError
        If there is no such engine.
    ProgramError
        If the build fails, with the end of what it printed.
    """
    if shutil.which(engine) is None:
        raise EngineError(f"no container engine {engine!r} here: install it, or leave the choice out")
    # Lambda refuses the image index that BuildKit's attestations make.
    environment = os.environ | {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1", "SOURCE_DATE_EPOCH": str(_BUILT_AT_S)}
    options = [*(["--timestamp", str(_BUILT_AT_S)] if is_podman(engine) else []), *(["--no-cache"] if fresh else [])]
    options += ["--platform", platform] if platform else []
    # The host's network: one that came for the build would end what a browser on this machine is fetching.
    options += ["--network", "host"]
    command = [engine, "build", *options, "--tag", tag, "--file", str(context / dockerfile), str(context)]
    run_program(command, environment=environment, folder=context)
    return tag


@contextlib.contextmanager
def run_container(
    engine: str,
    image: str,
    entry_point: str,
    runtime_api: str,
    variables: dict[str, str],
    logs: Path,
    *,
    volumes: Mapping[Path, str] | None = None,
) -> Iterator[None]:
    """Run the image as Lambda does: read-only but for /tmp, no root, no capability; its log goes into ``logs``.

    On the host's network, because both the Runtime API and the emulator listen on this machine's loopback. When the
    Runtime API goes away the runtime client ends, and the container with it. ``volumes`` are mounted read-only.
    """
    name = f"leukolens-{uuid.uuid4().hex[:12]}"
    command = [engine, "run", "--rm", "--name", name, "--network", "host", "--read-only", "--tmpfs", "/tmp"]  # noqa: S108
    command += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    for key, value in {"AWS_LAMBDA_RUNTIME_API": runtime_api, **variables}.items():
        command += ["--env", f"{key}={value}"]
    for folder, mounted in (volumes or {}).items():
        command += ["--volume", f"{folder}:{mounted}:ro"]
    with (logs / f"{entry_point}.log").open("ab") as log:
        process = subprocess.Popen([*command, image, entry_point], stdout=log, stderr=subprocess.STDOUT)  # noqa: S603
        try:
            yield
        finally:
            # Killed first: the runtime client waits in C and hears no SIGTERM, for which rm would wait ten seconds.
            _quiet([engine, "kill", name])
            _quiet([engine, "rm", "--force", name])
            process.wait(_STOPPED_S)


@contextlib.contextmanager
def run_process(entry_point: str, runtime_api: str, variables: dict[str, str], logs: Path) -> Iterator[None]:
    """Run the entry point by the image's own runtime client in a process of this machine.

    Raises
    ------
    EngineError
        Where the runtime client does not exist: everywhere but on Linux.
    """
    if sys.platform != "linux":
        raise EngineError("the Lambda runtime client runs on Linux only: install Docker or podman, and start it")
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT}:{ROOT / 'lambda'}",
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        **variables,
    }
    with Child(entry_point, ["awslambdaric", entry_point], logs, environment):
        yield
