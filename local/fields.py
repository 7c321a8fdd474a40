"""The images of the demonstration: the project's synthetic samples, and real smears where the machine has them."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from intake import SUFFIXES

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "samples"
REAL_PER_CLASS = 2


@dataclass(frozen=True, slots=True)
class Field:
    """One image, and what it is known to show by its name or folder."""

    path: Path
    kind: Literal["synthetic", "real"]
    known_as: str


def data_root() -> Path | None:
    """Give the folder that holds ``all_smears``: LEUKOLENS_DATA, data/ (make data) or ../shared/data; else None."""
    for candidate in (os.environ.get("LEUKOLENS_DATA"), ROOT / "data", ROOT.parent / "shared" / "data"):
        if candidate and (Path(candidate) / "all_smears").is_dir():
            return Path(candidate)
    return None


def demonstration_fields() -> list[Field]:
    """Give the samples, then a few real smears of each class, far apart in it: neighbours come from one slide."""
    fields = [
        Field(path, "synthetic", path.stem.split("_")[1].capitalize())
        for path in sorted(SAMPLES.glob("synthetic_*_*.png"))
    ]
    root = data_root()
    if root is not None:
        for folder in sorted(path for path in (root / "all_smears").iterdir() if path.is_dir()):
            images = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
            fields += [Field(path, "real", folder.name) for path in spread(images, REAL_PER_CLASS)]
    return fields


def spread(items: list[Path], count: int) -> list[Path]:
    """Pick ``count`` items at even distances, or all of them where there are no more."""
    if len(items) <= count:
        return items
    return [items[(2 * index + 1) * len(items) // (2 * count)] for index in range(count)]
