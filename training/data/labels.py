"""How fields and their files are: what an image file is called, and how large the model takes it."""

import re
from pathlib import PurePosixPath

INPUT_SIDE_PX = 224
GROUPS_NAME = "groups.csv"
"""File of a set that names each image's patient, slide or specimen."""


class DataError(ValueError):
    """The folder is not one of labelled fields; says what is missing or wrong, and where."""


def acquisition_of(name: str) -> int | None:
    """Give the last number in a file's name (``field-012.jpg`` is 12), or None."""
    numbers = re.findall(r"\d+", PurePosixPath(name).stem)
    return int(numbers[-1]) if numbers else None
