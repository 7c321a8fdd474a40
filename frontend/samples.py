"""Synthetic smears to try with one click, drawn by the project itself."""

import hashlib
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "samples"


@cache
def synthetic() -> tuple[Path, ...]:
    """List the synthetic samples; empty where the folder was not shipped."""
    return tuple(sorted(FOLDER.glob("synthetic_*.png")))


@cache
def _hashes() -> frozenset[str]:
    return frozenset(hashlib.sha256(path.read_bytes()).hexdigest() for path in synthetic())


def is_synthetic(sha256: str) -> bool:
    """Tell whether an image is one of the samples, whatever its file is called."""
    return sha256 in _hashes()
