"""The version of a new model: the one after the newest that is known, so that two models never share one.

Known is what lies in the output folder, and what the registry of the tracking server holds. The middle number counts
trainings; the first is raised by hand (``--version 3.0.0``), where answers change in kind.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from inference import CARD_NAME, ModelError, read_card

FIRST = "1.0.0"
UNRELEASED = (0, 0, 0)
"""Of trials and folds, which are compared and never shipped."""
_FORM = re.compile(r"(\d+)\.(\d+)\.(\d+)")


class VersionError(ValueError):
    """A version that is none, or that a model has already."""


def next_version(output: Path, registered: Iterable[str] = (), version: str | None = None) -> str:
    """Give the version of the model that will be written.

    Parameters
    ----------
    output : Path
        Model folder; may hold a model, or not be there.
    registered : iterable of str
        Versions of the registry; what is none is left out.
    version : str, optional
        Given by hand.

    Raises
    ------
    VersionError
        What was asked for is no version, or is taken.
    """
    known = sorted({number for text in (*_lying(output), *registered) if (number := _read(text)) is not None})
    if version is None:
        return FIRST if not known else f"{known[-1][0]}.{known[-1][1] + 1}.0"
    if (number := _read(version)) is None:
        raise VersionError(f"--version {version}: write it as three numbers, such as 2.1.0")
    if number in known:
        raise VersionError(
            f"--version {version}: a model has it already; the newest is {'.'.join(map(str, known[-1]))}"
        )
    return version


def _lying(output: Path) -> list[str]:
    if not (output / CARD_NAME).is_file():
        return []
    try:
        return [read_card(output).version]
    except ModelError:
        return []  # what is broken is about to be replaced


def _read(text: str) -> tuple[int, int, int] | None:
    match = _FORM.fullmatch(text)
    number = None if match is None else (int(match[1]), int(match[2]), int(match[3]))
    return None if number == UNRELEASED else number
