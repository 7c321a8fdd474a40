"""Targets of the model and what it reached: a table of pass and fail, computed from the results."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from training.evaluation.report.wording import interval, number
from training.evaluation.results import Estimate, Evidence, ProtocolResult, Results

ON_SLIDES = (
    ("triage accepted", "triage_coverage", 0.90),
    ("triage right of the accepted", "triage_accuracy_of_accepted", 0.997),
    ("triage sensitivity of the accepted", "triage_sensitivity_of_accepted", 0.999),
    ("triage right of the accepted, worst slide of 10 fields or more", "triage_worst_slide", 0.95),
    ("truth in the prediction set, averaged over slides", "prediction_set_coverage_by_slide", 0.95),
    ("accepted patterns right, averaged over slides", "accuracy_of_accepted_by_slide", 0.97),
)
"""In words, metric, least."""
MOST_WRONG_MAGNIFIED = 0.005
OWN_SETS = {"photographs", "medical", "noise", "blank", "synthetic"}
"""Strangers that are no smear of another laboratory."""


@dataclass(frozen=True)
class Verdict:
    """A target, the value reached, and whether it is met (None: not measured)."""

    target: str
    reached: str
    met: bool | None

    @property
    def outcome(self) -> str:
        """Met, not met, or not measured."""
        return {True: "met", False: "**not met**", None: "not measured"}[self.met]


def verdicts(results: Results) -> list[Verdict]:
    """Compare the results with every target, on unrounded values as the results file has them."""
    evidence = results.evidence
    protocols = evidence.protocols
    random, contiguous, slides = (protocols.get(name) for name in ("random", "contiguous", "slides"))
    return [
        *(
            _metric(f"slides left out: {title} >= {least:g}", slides, name, partial(operator.le, least))
            for title, name, least in ON_SLIDES
        ),
        _metric(
            "slides left out: calibration error of triage <= 0.03",
            slides,
            "triage_calibration_error",
            lambda v: v <= 0.03,
        ),
        _metric(
            "slides left out: turned away of the worst slide <= 0.03",
            slides,
            "turned_away_worst_slide",
            lambda v: v <= 0.03,
        ),
        *_magnifications(evidence),
        *_other_laboratories(evidence),
        _metric("random split: accuracy >= 0.9985", random, "accuracy", lambda v: v >= 0.9985),
        _metric(
            "contiguous folds: mean balanced accuracy >= 0.977 (0.98 thought possible)",
            contiguous,
            "mean_fold_balanced_accuracy",
            lambda v: v >= 0.977,
        ),
        _metric(
            "contiguous folds: worst fold >= 0.905 (0.94 thought possible)",
            contiguous,
            "worst_fold_balanced_accuracy",
            lambda v: v >= 0.905,
        ),
        _published(contiguous),
        _malignant(contiguous),
        *(
            _stranger(f"{title}: accepted <= 0.5 %", evidence, name, "accepted", 0.005)
            for name, title in (
                ("bccd", "BCCD"),
                ("photographs", "photographs"),
                ("noise", "noise"),
                ("blank", "blank"),
            )
        ),
    ]


def _magnifications(evidence: Evidence) -> list[Verdict]:
    """Judge every magnification: what is accepted must not be wrong."""
    target = "0.4x to 2.5x on slides left out: triage accepted and wrong <= 0.5 % at every step"
    if not evidence.magnifications:
        return [Verdict(target, "-", None)]
    magnification, worst = max(evidence.magnifications.items(), key=lambda pair: pair[1].accepted_wrong)
    reached = f"at most {worst.accepted_wrong:.2%} of {worst.images} (at {magnification}x)"
    return [Verdict(target, reached, worst.accepted_wrong <= MOST_WRONG_MAGNIFIED)]


def _other_laboratories(evidence: Evidence) -> list[Verdict]:
    """Judge the OOD sets of other laboratories and diseases, each side on its own."""
    sets = {name: ood_set for name, ood_set in evidence.strangers.items() if name not in OWN_SETS}
    side_verdicts = []
    for side in ("benign", "malignant"):
        target = f"other laboratories and diseases: accepted as {side} <= 1 % of each set"
        shares = {name: getattr(ood_set, f"accepted_as_{side}") for name, ood_set in sets.items()}
        if not shares or None in shares.values():
            side_verdicts.append(Verdict(target, "-", None))
            continue
        worst = max(shares, key=shares.__getitem__)
        reached = f"at most {shares[worst]:.2%} ({worst}) of {len(shares)} sets"
        side_verdicts.append(Verdict(target, reached, shares[worst] <= 0.01))
    return side_verdicts


def _metric(target: str, result: ProtocolResult | None, name: str, enough: Callable[[float], bool]) -> Verdict:
    estimate: Estimate | None = result.metrics.get(name) if result else None
    return Verdict(target, interval(estimate), enough(estimate.value) if estimate else None)


def _published(contiguous: ProtocolResult | None) -> Verdict:
    """Judge by the lower end: a value a little above, with an interval across, is a tie."""
    target = (
        "contiguous folds: above the best published, 0.968 [0.955, 0.978] (a foundation model), by the whole interval"
    )
    estimate = contiguous.metrics.get("mean_fold_balanced_accuracy") if contiguous else None
    return Verdict(target, interval(estimate), estimate.low > 0.968 if estimate else None)


def _malignant(contiguous: ProtocolResult | None) -> Verdict:
    target = "contiguous folds: malignant sensitivity >= 0.995 at specificity >= 0.97"
    if not contiguous or "malignant_sensitivity" not in contiguous.metrics:
        return Verdict(target, "-", None)
    sensitivity, specificity = (contiguous.metrics[f"malignant_{name}"] for name in ("sensitivity", "specificity"))
    at_specificity = contiguous.metrics["malignant_sensitivity_at_specificity"]
    reached = f"{interval(sensitivity)} at {interval(specificity)}; by threshold {number(at_specificity.value)} at 0.97"
    return Verdict(target, reached, sensitivity.value >= 0.995 and specificity.value >= 0.97)


def _stranger(target: str, evidence: Evidence, collection: str, share: str, most: float) -> Verdict:
    ood_set = evidence.strangers.get(collection)
    if not ood_set:
        return Verdict(target, "-", None)
    value: float = getattr(ood_set, share)
    return Verdict(target, f"{value:.2%} of {ood_set.images}", value <= most)
