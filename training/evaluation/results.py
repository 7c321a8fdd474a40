"""The results file: the evidence of the candidate, and all that its documents and figures are drawn from.

What is known of a model, as numbers with their protocol.

``evaluate`` writes it, the card carries it, the page draws it, and promotion asks for it.
"""

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from training.atomic_write import write_whole
from training.data.labels import DataError


class Part(BaseModel):
    """A frozen part of a results file; an unknown field is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Estimate(Part):
    """A number with its 95 % interval by bootstrap over contiguous clusters."""

    value: float
    low: float
    high: float


def as_numbers(estimates: Mapping[str, Estimate]) -> dict[str, float]:
    """Give estimates as plain numbers: each value, and the ends of its interval as ``<name>/low`` and ``/high``."""
    return {
        f"{name}{end}": value
        for name, estimate in estimates.items()
        for end, value in (("", estimate.value), ("/low", estimate.low), ("/high", estimate.high))
    }


class FoldScore(Part):
    """One fold of a protocol: its test fields and their balanced accuracy over the classes that it tests."""

    name: str
    images: int
    balanced_accuracy: float


class ProtocolResult(Part):
    """The pooled predictions of every fold of one protocol, each field answered by a file that never saw it.

    Attributes
    ----------
    metrics
        By name, such as ``accuracy``, ``balanced_accuracy``, ``macro_f1``, ``malignant_sensitivity``,
        ``malignant_specificity``, ``auroc``, ``expected_calibration_error``, ``brier``, ``coverage`` (share accepted)
        and ``accuracy_of_accepted``; all of them in ``training.evaluation.metrics``. Where every fold tests every
        class, ``mean_fold_balanced_accuracy`` and ``worst_fold_balanced_accuracy`` too; in leave-slides-out,
        ``balanced_accuracy_by_slide``, whose interval resamples whole slides.
    sensitivity, specificity
        By label.
    confusion
        Counts, true label by row.
    reliability
        (mean confidence, accuracy, count) of each bin.
    risk_coverage
        (share answered, error among the answered), most confident first.
    """

    folds: list[FoldScore]
    images: int
    metrics: dict[str, Estimate]
    sensitivity: dict[str, Estimate]
    specificity: dict[str, Estimate]
    confusion: list[list[int]]
    reliability: list[tuple[float, float, int]]
    risk_coverage: list[tuple[float, float]]


class StrangersResult(Part):
    """What a file makes of pictures of no class that it knows; shares of ``images``."""

    images: int
    out_of_distribution: float
    accepted: float
    accepted_as_malignant: float
    accepted_as_benign: float | None = None


class Magnified(Part):
    """Fields at another magnification; shares of ``images``.

    Attributes
    ----------
    balanced_accuracy
        Of the most probable label, whatever the verdict.
    out_of_distribution, accepted
        Turned away; triage accepted.
    accepted_wrong
        Triage accepted, and of the other side.
    pattern_accepted, pattern_wrong
        The same of the pattern.
    """

    images: int
    balanced_accuracy: float
    out_of_distribution: float
    accepted: float
    accepted_wrong: float
    pattern_accepted: float
    pattern_wrong: float


class Evidence(Part):
    """Everything measured of one model.

    Attributes
    ----------
    manifest_digest
        Of the data that it was measured on.
    protocols
        ``random``, ``contiguous``, ``slides``: how the very recipe of the shipped file does on folds.
    shortcuts
        Balanced accuracy on the same folds of what sees no morphology, by shortcut and protocol: ``mean_colour``,
        ``corner``, ``background``, ``density``; and ``chance``.
    robustness
        Balanced accuracy on contiguous test fields by disturbance; ``none`` is undisturbed.
    strangers
        By collection: ``bccd``, ``photographs``, ``medical``, ``noise``, ``blank``, ``synthetic``.
    magnifications
        By magnification relative to the trained one, such as ``0.5``: fields of leave-slides-out at it.
    scrambled
        The same fields cut into 16 tiles and put together in another order: cells are cut, and no field is whole.
    parity
        Of the shipped file with its network: images, agreement, largest difference of a probability.
    headline, learning_curve
        Of a model that ``adapt`` made: what it is worth in a line, and balanced accuracy by the number of images.
    """

    manifest_digest: str
    protocols: dict[str, ProtocolResult]
    shortcuts: dict[str, dict[str, float]]
    robustness: dict[str, Estimate] = {}
    strangers: dict[str, StrangersResult] = {}
    magnifications: dict[str, Magnified] = {}
    scrambled: Magnified | None = None
    parity: dict[str, float] = {}
    headline: str | None = None
    learning_curve: dict[str, dict[str, float]] = {}


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
    turned_away: float
    triage_accepted: float
    triage_right: float | None
    accepted: float
    accepted_right: float | None
    covered: float


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
        location = ".".join(map(str, error.errors()[0]["loc"]))
        message = error.errors()[0]["msg"]
        raise DataError(f"{path}: {location}: {message}; run `python -m training evaluate` again") from error
