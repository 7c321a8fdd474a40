"""Known vulnerabilities of every locked package, by pip-audit from an environment of its own (``make audit``)."""

import json
import logging
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from pydantic import BaseModel, TypeAdapter, ValidationError

from release.graphviz import ROOT

TOOL: Final = ROOT / ".tools" / "audit" / "bin" / "pip-audit"
LOCKS: Final = (
    ROOT / "requirements.txt",
    ROOT / "lambda" / "requirements.txt",
    ROOT / "frontend" / "requirements.txt",
    ROOT / "training" / "requirements.txt",
    ROOT / "infra" / "rehearsal" / "requirements.txt",
    ROOT / "release" / "uv.txt",
    ROOT / "release" / "audit.txt",
)
NOT_ASKED: Final = "Nothing was audited: the vulnerability service cannot be reached from here."
Run = Callable[[Sequence[str]], str]

logger = logging.getLogger("leukolens.release")


class Vulnerability(BaseModel):
    """A known vulnerability."""

    id: str
    fix_versions: list[str] = []


class Package(BaseModel):
    """One locked package, as pip-audit reports it."""

    name: str
    version: str = ""
    vulns: list[Vulnerability] = []


class _Answer(BaseModel):
    dependencies: list[Package]


def audit_all(run: Run | None = None, environment: Mapping[str, str] = os.environ) -> int:
    """Audit every lock.

    Parameters
    ----------
    run
        Runs a command and gives what it printed; left out, as a process.
    environment
        With ``CI`` in it, an audit that could not be made is a failure, too.

    Returns
    -------
    int
        1 for a finding that another version fixes; findings without one are told and fail nothing.
    """
    fixable = 0
    for lock in LOCKS:
        command = [str(TOOL), "--disable-pip", "--require-hashes", "--format", "json", "--requirement", str(lock)]
        answer = _answer((run or _run)(command))
        if answer is None:
            logger.error("%s", NOT_ASKED)
            return int("CI" in environment)
        for package in answer.dependencies:
            for vulnerability in package.vulns:
                fix = (
                    f"fixed in {', '.join(vulnerability.fix_versions)}" if vulnerability.fix_versions else "no fix yet"
                )
                logger.error("%s: %s %s: %s, %s", lock.name, package.name, package.version, vulnerability.id, fix)
                fixable += bool(vulnerability.fix_versions)
        logger.info("%s: %d packages audited", lock.relative_to(ROOT), len(answer.dependencies))
    return int(fixable > 0)


def _answer(printed: str) -> _Answer | None:
    try:
        return TypeAdapter(_Answer).validate_python(json.loads(printed))
    except (json.JSONDecodeError, ValidationError):
        return None


def _run(command: Sequence[str]) -> str:
    # Its exit code tells of any finding; which of them count is decided here.
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603 - our own tool
