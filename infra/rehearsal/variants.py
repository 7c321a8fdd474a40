"""Environments as the rehearsal deploys them: the shipped file, with a few values changed."""

import re
from collections.abc import Mapping
from pathlib import Path

from infra.environments import ENVIRONMENTS

# The emulator has Distributed Map, but no ItemBatcher; one image a call is what it can run.
EMULATED: Mapping[str, str] = {"items_per_batch": "1"}
# What a second deploy changes: a function's size and a bucket's rule, both in place.
CHANGED: Mapping[str, str] = {**EMULATED, "memory_mb": "2048", "results_expire_days": "60"}


def write_environment(name: str, changes: Mapping[str, str], folder: Path) -> Path:
    """Write a changed copy of an environment's file into ``folder``, and give the folder.

    Raises
    ------
    KeyError
        If the file does not hold a key exactly once.
    """
    text = (ENVIRONMENTS / f"{name}.toml").read_text("utf-8")
    for key, value in changes.items():
        text, count = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}", text)
        if count != 1:
            raise KeyError(f"environments/{name}.toml holds {key} {count} times")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.toml").write_text(text, "utf-8")
    return folder
