"""What fields are labelled with, and how their files are named."""

import re
from pathlib import PurePosixPath

from intake import SUFFIXES as SUFFIXES

LABELS = ("Benign", "Early", "Pre", "Pro")
MALIGNANT_LABELS = ("Early", "Pre", "Pro")
INPUT_SIDE_PX = 224


class DataError(ValueError):
    """The folder is not one of labelled fields; says what is missing or wrong, and where."""


def acquisition_of(name: str) -> int | None:
    """Give the last number in a file's name (``WBC-Malignant-Pre-012.jpg`` is 12), or None."""
    numbers = re.findall(r"\d+", PurePosixPath(name).stem)
    return int(numbers[-1]) if numbers else None
