"""What was asked of the model, and what it reached: a table of pass and fail that nobody can write by hand."""

from collections.abc import Callable
from dataclasses import dataclass

from training.evaluation.report.wording import interval, number
from training.evaluation.results import Estimate, Evidence, ProtocolResult, Results


@dataclass(frozen=True)
class Verdict:
    """One target: what is asked, where, what was reached, and whether that is enough (None: not measured)."""

    asked: str
    reached: str
    met: bool | None

    @property
    def said(self) -> str:
        """Met, not met, or not measured."""
        return {True: "met", False: "**not met**", None: "not measured"}[self.met]


def verdicts(results: Results) -> list[Verdict]:
    """Compare the results with every target, on unrounded values as the results file has them."""
    evidence = results.evidence
    random, contiguous = evidence.protocols.get("random"), evidence.protocols.get("contiguous")
    return [
        _metric("random split: accuracy >= 0.9985", random, "accuracy", lambda v: v >= 0.9985),
        _metric(
            "contiguous folds: mean balanced accuracy >= 0.98",
            contiguous,
            "mean_fold_balanced_accuracy",
            lambda v: v >= 0.98,
        ),
        _metric(
            "contiguous folds: worst fold >= 0.94", contiguous, "worst_fold_balanced_accuracy", lambda v: v >= 0.94
        ),
        _published(contiguous),
        _malignant(contiguous),
        _metric(
            "contiguous folds: expected calibration error <= 0.01",
            contiguous,
            "expected_calibration_error",
            lambda v: v <= 0.01,
        ),
        _metric("contiguous folds: coverage >= 0.95", contiguous, "coverage", lambda v: v >= 0.95),
        _metric(
            "contiguous folds: accuracy of the accepted >= 0.998",
            contiguous,
            "accuracy_of_accepted",
            lambda v: v >= 0.998,
        ),
        _stranger("BCCD: accepted as malignant <= 1 %", evidence, "bccd", "accepted_as_malignant", 0.01),
        *(
            _stranger(f"{told}: accepted <= 0.5 %", evidence, name, "accepted", 0.005)
            for name, told in (("photographs", "photographs"), ("noise", "noise"), ("blank", "blank fields"))
        ),
    ]


def _metric(asked: str, result: ProtocolResult | None, name: str, enough: Callable[[float], bool]) -> Verdict:
    found: Estimate | None = result.metrics.get(name) if result else None
    return Verdict(asked, interval(found), enough(found.value) if found else None)


def _published(contiguous: ProtocolResult | None) -> Verdict:
    """Judge by the lower end: a value a little above, with an interval across, is a tie."""
    asked = (
        "contiguous folds: above the best published, 0.968 [0.955, 0.978] (a foundation model), by the whole interval"
    )
    found = contiguous.metrics.get("mean_fold_balanced_accuracy") if contiguous else None
    return Verdict(asked, interval(found), found.low > 0.968 if found else None)


def _malignant(contiguous: ProtocolResult | None) -> Verdict:
    asked = "contiguous folds: malignant sensitivity >= 0.995 at specificity >= 0.97"
    if not contiguous or "malignant_sensitivity" not in contiguous.metrics:
        return Verdict(asked, "-", None)
    one, other = (contiguous.metrics[f"malignant_{name}"] for name in ("sensitivity", "specificity"))
    at = contiguous.metrics["malignant_sensitivity_at_specificity"]
    reached = f"{interval(one)} at {interval(other)}; by threshold {number(at.value)} at 0.97"
    return Verdict(asked, reached, one.value >= 0.995 and other.value >= 0.97)


def _stranger(asked: str, evidence: Evidence, collection: str, share: str, most: float) -> Verdict:
    found = evidence.strangers.get(collection)
    if not found:
        return Verdict(asked, "-", None)
    value: float = getattr(found, share)
    return Verdict(asked, f"{value:.2%} of {found.images}", value <= most)
