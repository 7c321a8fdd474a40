"""Which code a run is of."""

import subprocess
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]


def source_tags() -> dict[str, str]:
    """Give the git commit, and whether files differ from it; nothing outside a repository."""
    commit = _git("rev-parse", "HEAD")
    if not commit:
        return {}
    return {"mlflow.source.git.commit": commit, "git_changed": str(bool(_git("status", "--porcelain"))).lower()}


def _git(*arguments: str) -> str:
    try:
        # The arguments are this module's own; git is where the user's PATH has it.
        asked = subprocess.run(  # noqa: S603
            ["git", *arguments],  # noqa: S607
            cwd=_ROOT,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout.strip() if asked.returncode == 0 else ""
