"""Synthetic smears to try with one click, drawn by the project itself."""

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "samples"


@cache
def synthetic() -> tuple[Path, ...]:
    """List the synthetic samples; empty where the folder was not shipped."""
    return tuple(sorted(FOLDER.glob("synthetic_*.png")))


def title(path: Path) -> str:
    """Name a sample as a person would.

    Examples
    --------
    >>> title(Path("samples/synthetic_pre_01.png"))
    'Pre 1'
    """
    _, label, number = path.stem.split("_")
    return f"{label.capitalize()} {int(number)}"
