"""Environments as the rehearsal deploys them: the shipped file, with a few values changed."""

import re
from collections.abc import Mapping
from pathlib import Path

from infra.environments import ENVIRONMENTS

# The emulator has Distributed Map, but no ItemBatcher; one image a call is what it can run.
EMULATED: Mapping[str, str] = {"batch.items_per_batch": "1"}
# What a second deploy changes: a function's size and a bucket's rule, both in place, and what other stacks refer to.
MEMORY_MB = 2048
CHANGED: Mapping[str, str] = {
    **EMULATED,
    "inference.memory_mb": str(MEMORY_MB),
    "storage.results_expire_days": "60",
    # "One line and a deploy": another host of the page, and its address.
    "frontend.host": '"ecs-express"',
    "page.urls": '["https://page.example.org"]',
}


# Whose roles the CLI takes on in the second deploy; the emulator does not have the stack itself.
_DELIVERY = """
[delivery]
repository = "owner/name"
owner_id = 1
repository_id = 2
creates_provider = true
builds_image = true
pull_accounts = []
"""


def write_environment(name: str, changes: Mapping[str, str], folder: Path) -> Path:
    """Write a changed copy of an environment's file, with roles for workflows, into ``folder``; gives the folder.

    Parameters
    ----------
    changes
        TOML values by table and key: ``{"inference.memory_mb": "2048"}``.

    Raises
    ------
    KeyError
        If the file does not hold a key.
    """
    table, left, lines = "", dict(changes), []
    for line in (ENVIRONMENTS / f"{name}.toml").read_text("utf-8").splitlines():
        if header := re.fullmatch(r"\[(.+)\]", line):
            table = header[1]
        key = line.partition(" = ")[0]
        value = left.pop(f"{table}.{key}", None)
        lines.append(line if value is None else f"{key} = {value}")
    if left:
        raise KeyError(f"environments/{name}.toml does not hold {', '.join(left)}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.toml").write_text("\n".join(lines) + "\n" + _DELIVERY, "utf-8")
    return folder
