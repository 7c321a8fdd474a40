"""What a lock installs on a given machine, and what each package says of itself."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path

from packaging.requirements import Requirement

from release.graphviz import ROOT

IMAGE_LOCKS: Mapping[str, Path] = {
    "lambda": ROOT / "lambda" / "requirements.txt",
    "page": ROOT / "frontend" / "requirements.txt",
}
EVERYTHING = ROOT / "requirements.txt"
IMAGE: Mapping[str, str] = {
    "python_version": "3.13",
    "python_full_version": "3.13.0",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
}
"""The machine in both images, as markers of requirements ask for it."""


@dataclass(frozen=True)
class Locked:
    """One package at the version of the lock."""

    name: str
    version: str
    hashes: tuple[str, ...] = ()
    """SHA-256 of each file that the lock takes for it, in hexadecimal."""


def normal(name: str) -> str:
    """Give a package's name as indexes compare it: ``Typing_Extensions`` is ``typing-extensions``."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(lock: Path, machine: Mapping[str, str] | None = None) -> list[Locked]:
    """Give what a lock installs, by name.

    Parameters
    ----------
    machine
        Values of markers; without it, those of this machine.
    """
    packages = []
    for line, hashes in re.findall(r"^([a-z0-9][^\n\\]*)((?:\\?\n\s+--hash=\S+ ?)*)", lock.read_text(), re.MULTILINE):
        requirement = Requirement(line.strip())
        if requirement.marker is None or requirement.marker.evaluate(dict(machine) if machine else None):
            digests = tuple(re.findall(r"sha256:([0-9a-f]{64})", hashes))
            packages.append(Locked(normal(requirement.name), str(requirement.specifier).removeprefix("=="), digests))
    return sorted(packages, key=lambda package: package.name)


def described(name: str) -> PackageMetadata:
    """Give the metadata of a package that is installed here.

    Raises
    ------
    LookupError
        It is not.
    """
    try:
        return metadata(name)
    except PackageNotFoundError as error:
        raise LookupError(f"{name} is locked but not installed here: run make setup") from error


def needed(name: str, machine: Mapping[str, str]) -> set[str]:
    """Give the names that a package asks for on a machine, extras left out."""
    requirements = map(Requirement, described(name).get_all("Requires-Dist") or [])
    return {
        normal(requirement.name)
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate({**machine, "extra": ""})
    }
