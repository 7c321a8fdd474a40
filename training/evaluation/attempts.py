"""What was tried besides, from a list that is kept by hand: ``docs/attempts.json``."""

from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from training.data.dataset import DataError
from training.evaluation.report.wording import number, table
from training.evidence import Part


class Attempt(Part):
    """One tried recipe and the balanced accuracy of its contiguous folds."""

    name: str
    what: str
    contiguous: list[float]
    mean: float
    worst: float
    note: str = ""


def read_attempts(path: Path) -> list[Attempt]:
    """Read the list; none where there is no file.

    Raises
    ------
    DataError
        It is not such a list.
    """
    if not path.is_file():
        return []
    try:
        return TypeAdapter(list[Attempt]).validate_json(path.read_bytes())
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise DataError(f"{path}: {where}: {error.errors()[0]['msg']}") from error


def render_attempts(attempts: list[Attempt]) -> list[str]:
    """Write the section, or nothing without attempts."""
    if not attempts:
        return []
    rows = [
        [
            one.name,
            one.what,
            ", ".join(number(score, 3) for score in one.contiguous),
            number(one.mean, 3),
            number(one.worst, 3),
            one.note,
        ]
        for one in attempts
    ]
    return [
        "## Attempts",
        "",
        "What was tried to raise the contiguous folds, whether it helped or not; balanced accuracy.",
        "",
        *table(["attempt", "what", "folds", "mean", "worst", "note"], rows),
        "",
    ]
