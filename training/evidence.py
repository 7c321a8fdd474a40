"""What is known of a model, as numbers with their protocol.

``evaluate`` writes it, the card carries it, the page draws it, and promotion asks for it.
"""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict


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
        for name, one in estimates.items()
        for end, value in (("", one.value), ("/low", one.low), ("/high", one.high))
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
    parity
        Of the shipped file with its network: images, agreement, largest difference of a probability.
    """

    manifest_digest: str
    protocols: dict[str, ProtocolResult]
    shortcuts: dict[str, dict[str, float]]
    robustness: dict[str, Estimate]
    strangers: dict[str, StrangersResult]
    parity: dict[str, float]
