"""What a model of a laboratory's own classes must show before it may serve: ``adapt`` examines on groups left out.

It has no folds of the public set to be compared on, and no class in common with the model that it may replace.
"""

from training.evaluation.results import Evidence, ProtocolResult
from training.promotion.candidate import Candidate
from training.promotion.finding import (
    CALIBRATION,
    SCORE,
    Comparison,
    Finding,
    no_comparison,
    not_worse_finding,
    parity_finding,
)

FLATTERING = "random"
"""The protocol of images that nobody grouped."""


def is_own(candidate: Candidate) -> bool:
    """Tell whether a model was made by ``adapt``."""
    return candidate.card is not None and "base" in candidate.card.training


def parity(_: Evidence, comparison: Comparison) -> Finding:
    """Ask whether the file was compared with its network, which ``adapt`` does when it writes the folder."""
    card = comparison.candidate.card
    return parity_finding(card.training.get("parity", {}) if card else {})


def groups(evidence: Evidence, _: Comparison) -> Finding:
    """Refuse what was examined on patients that it had learnt from."""
    name, _result = _only_protocol(evidence)
    ok = name not in ("", FLATTERING)
    explanation = (
        "whole groups were left out" if ok else "images of one patient were on both sides: name patients in groups.csv"
    )
    return Finding("groups", ok, explanation)


def calibration(evidence: Evidence, _: Comparison) -> Finding:
    """Ask whether its probabilities were measured on what was left out."""
    _name, result = _only_protocol(evidence)
    error = result.metrics.get(CALIBRATION) if result else None
    if error is None:
        return Finding("calibration", False, f"{CALIBRATION} was not measured: adapt again")
    return Finding("calibration", True, f"error {error.value:.3f} on groups left out")


def shortcut(evidence: Evidence, _: Comparison) -> Finding:
    """Refuse a model that may be no better than the mean colour of its images."""
    protocol, result = _only_protocol(evidence)
    scores = {name: protocols[protocol] for name, protocols in evidence.shortcuts.items() if protocol in protocols}
    if result is None or not scores:
        return Finding("shortcut", False, "no shortcut was measured on the same groups: adapt again")
    best = max(scores, key=scores.__getitem__)
    low = result.metrics[SCORE].low
    explanation = f"{SCORE} at least {low:.3f} on groups left out; {best.replace('_', ' ')} alone {scores[best]:.3f}"
    return Finding("shortcut", low > scores[best], explanation)


def not_worse(evidence: Evidence, comparison: Comparison) -> Finding:
    """Compare with the model in service, where that tells the same classes apart."""
    served, card = comparison.in_service, comparison.candidate.card
    if served.card is None or card is None or served.card.labels != card.labels:
        return Finding("not worse", True, "the model in service tells other classes apart: there is nothing to compare")
    if served.evidence is None:
        return Finding("not worse", False, no_comparison(comparison))
    name, result = _only_protocol(evidence)
    served_result = served.evidence.protocols.get(name)
    if result is None or served_result is None:
        return Finding("not worse", False, f"the model in service was not examined on {name}: adapt it again")
    return not_worse_finding(result, served_result, "groups left out")


def _only_protocol(evidence: Evidence) -> tuple[str, ProtocolResult | None]:
    """Give the one protocol by which ``adapt`` examines, and its result."""
    return next(iter(evidence.protocols.items()), ("", None))
