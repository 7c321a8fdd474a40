"""The results file: the evidence of the candidate, and all that its documents and figures are drawn from."""

from pathlib import Path

from pydantic import ValidationError

from training.atomic_write import write_whole
from training.data.dataset import DataError
from training.evidence import Evidence, FoldScore, Part, ProtocolResult

DECIMALS = 6
RESULTS_NAME = "evaluation.json"
PROTOCOLS = ("slides", "contiguous", "random")
"""Strictest first."""


class SlideScore(Part):
    """One inferred slide, answered by files that were trained on none of it."""

    name: str
    images: int
    sensitivity: float
    mistaken_for: str | None


class Disturbed(Part):
    """How many disturbed fields are still accepted, and how many of these are right."""

    coverage: float
    accuracy_of_accepted: float | None


class Candidate(Part):
    """A recipe: what its folds' files say of themselves, and the protocols of which folds are missing."""

    backbone: str
    size_bytes: int
    recipe: dict[str, str]
    incomplete: list[str]


class Other(Part):
    """Another recipe on the same folds."""

    candidate: Candidate
    protocols: dict[str, ProtocolResult]


class Results(Part):
    """Everything that ``evaluate`` found.

    Attributes
    ----------
    name, candidate
        Of the shipped recipe: its folder of folds, and what it is.
    created
        When, UTC, ISO 8601.
    model_sha256
        Of the shipped file, which answered the strangers.
    recipe_differences
        What the folds' recipe has otherwise than the shipped file's, by name: (folds, shipped).
    evidence
        Of the candidate.
    others
        The other recipes, by name.
    shortcut_folds
        By shortcut and protocol, as ``ProtocolResult.folds``.
    slides
        Leave-slides-out, slide by slide.
    disturbed
        By disturbance, beside ``evidence.robustness``.
    roc
        By protocol and curve (each label against the rest, and ``malignant``): (false, true positive rate).
    sweeps
        Tables of ``python -m training sweep`` on the same data, Markdown, by name.
    versions
        Of what computed it.
    """

    name: str
    candidate: Candidate
    created: str
    model_sha256: str
    recipe_differences: dict[str, tuple[str, str]]
    evidence: Evidence
    others: dict[str, Other]
    shortcut_folds: dict[str, dict[str, list[FoldScore]]]
    slides: list[SlideScore]
    disturbed: dict[str, Disturbed]
    roc: dict[str, dict[str, list[tuple[float, float]]]]
    sweeps: dict[str, str]
    versions: dict[str, str]


def rounded(value: float) -> float:
    """Round for the file: what is compared with a target is this very number."""
    return round(float(value), DECIMALS)


def write_results(results: Results, path: Path) -> None:
    """Write the file, whole or not at all."""
    write_whole(path, (results.model_dump_json(indent=1) + "\n").encode())


def read_results(path: Path) -> Results:
    """Read the file.

    Raises
    ------
    DataError
        It is not there, or of another version of this program.
    """
    try:
        return Results.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise DataError(f"there is no {path}: run `python -m training evaluate` first") from error
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        message = error.errors()[0]["msg"]
        raise DataError(f"{path}: {where}: {message}; run `python -m training evaluate` again") from error
