import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Give a folder that holds what the root holds, by links: what a command writes stays in the folder."""
    for entry in ROOT.iterdir():
        if entry.name in {"docs", "samples"}:  # which commands of the pages write to
            shutil.copytree(entry, tmp_path / entry.name)
        elif entry.name not in {".git", ".work", "site", "runs"}:
            (tmp_path / entry.name).symlink_to(entry)
    return tmp_path


@pytest.fixture
def reader(service: str) -> dict[str, str]:
    """Give the environment of somebody who follows the pages: the project's Python, the service, no AWS."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LEUKOLENS_"))}
    return kept | {"PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}", "LEUKOLENS_API_URL": service}
