"""Files that are there whole or not at all, whenever the process ends."""

import os
from pathlib import Path

PARTIAL = ".partial-"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under another name first, then give it its own; makes the folders that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{PARTIAL}{os.getpid()}-{path.name}.part")  # no image by its suffix
    partial.write_bytes(content)
    partial.replace(path)


def clear_partial(folder: Path) -> None:
    """Remove what interrupted runs left half-written."""
    for leftover in folder.glob(f"**/{PARTIAL}*"):
        leftover.unlink(missing_ok=True)
