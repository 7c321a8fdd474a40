"""What a model must show before it may serve. Every rule is asked, so that one run tells all that is missing."""

from training.evaluation.results import Evidence, ProtocolResult
from training.promotion import own_gate
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

GAP_TOLERANCE = 0.005
"""Half a point: two trainings of one recipe that differ in their seed differ by as much."""
MOST_WRONG_MAGNIFIED = 0.005
"""Share of fields, at any magnification, whose triage may be accepted and wrong."""
KIND, STRICT = "random", "contiguous"


def judge(comparison: Comparison) -> list[Finding]:
    """Ask every rule.

    Returns
    -------
    list of Finding
        One a rule, in the order in which a person would ask.
    """
    candidate = comparison.candidate
    findings = [
        _check_part("card", candidate, f"version {candidate.card.version}" if candidate.card else ""),
        _check_part("file", candidate, f"sha256 {candidate.file_sha256}, as its card says; it loads and answers"),
    ]
    evidence = candidate.evidence
    if evidence is None:
        return [*findings, Finding("evidence", False, candidate.problems["evidence"])]
    if own_gate.is_own(candidate):
        own_rules = (own_gate.groups, own_gate.calibration, own_gate.not_worse, own_gate.shortcut)
        return findings + [rule(evidence, comparison) for rule in (own_gate.parity, _manifest, *own_rules)]
    rules = (_parity, _manifest, _calibration, _not_worse, _gap, _magnification)
    return findings + [rule(evidence, comparison) for rule in rules]


def gap(evidence: Evidence) -> float | None:
    """Give the shortcut gap: how much of the random folds' balanced accuracy is lost on contiguous folds.

    What a model has learned of slides, and not of cells, helps it on random folds, where most test fields have a
    neighbour of their slide in training, and much less on contiguous ones.
    """
    kind, strict = (_score(evidence, name) for name in (KIND, STRICT))
    return None if kind is None or strict is None else kind - strict


def margin(evidence: Evidence) -> tuple[str, float] | None:
    """Give the best shortcut on contiguous folds, and by how much the model is better than it."""
    score = _score(evidence, STRICT)
    scores = {name: protocols[STRICT] for name, protocols in evidence.shortcuts.items() if STRICT in protocols}
    if score is None or not scores:
        return None
    best = max(scores, key=scores.__getitem__)
    return best, score - scores[best]


def _check_part(part: str, candidate: Candidate, explanation: str) -> Finding:
    return Finding(part, part not in candidate.problems, candidate.problems.get(part, explanation))


def _parity(evidence: Evidence, _: Comparison) -> Finding:
    return parity_finding(evidence.parity)


def _manifest(evidence: Evidence, comparison: Comparison) -> Finding:
    current = comparison.manifest_digest
    if evidence.manifest_digest == current:
        return Finding("manifest", True, f"measured on the current data, manifest {current[:16]}")
    explanation = (
        f"measured on manifest {evidence.manifest_digest[:16]}, and the data's is {current[:16]} now: measure it again"
    )
    return Finding("manifest", False, explanation)


def _calibration(evidence: Evidence, comparison: Comparison) -> Finding:
    strict, card = evidence.protocols.get(STRICT), comparison.candidate.card
    error = strict.metrics.get(CALIBRATION) if strict else None
    if strict is None or error is None or not strict.reliability or card is None:
        explanation = f"{CALIBRATION} and reliability on {STRICT} folds were not measured: measure it again"
        return Finding("calibration", False, explanation)
    explanation = f"{card.calibration.method}, temperature {card.calibration.temperature:.3g}; error {error.value:.3f}"
    return Finding("calibration", True, explanation)


def _not_worse(evidence: Evidence, comparison: Comparison) -> Finding:
    new, served = _strict_result(evidence), _strict_result(comparison.in_service.evidence)
    if new is None:
        return Finding("not worse", False, f"{SCORE} on {STRICT} folds was not measured: measure it again")
    if served is None or comparison.in_service.evidence is None:
        return Finding("not worse", False, no_comparison(comparison))
    measured_on = comparison.in_service.evidence.manifest_digest
    if measured_on != evidence.manifest_digest:
        stale = measured_on != comparison.manifest_digest
        explanation = "measured on other data than the model in service: measure it again"
        return Finding(
            "not worse", False, no_comparison(comparison, "was measured on other data") if stale else explanation
        )
    return not_worse_finding(new, served, f"{STRICT} folds")


def _gap(evidence: Evidence, comparison: Comparison) -> Finding:
    new = gap(evidence)
    served = gap(comparison.in_service.evidence) if comparison.in_service.evidence else None
    if new is None:
        explanation = f"{SCORE} on {KIND} and {STRICT} folds was not measured: measure it again"
        return Finding("shortcut gap", False, explanation)
    if served is None:
        return Finding("shortcut gap", False, no_comparison(comparison))
    ok = new <= served + GAP_TOLERANCE
    explanation = f"{new:+.4f} from {KIND} to {STRICT} folds; in service {served:+.4f}"
    explanation += "" if ok else f": larger by more than {GAP_TOLERANCE:g}, so more of its score is owed to slides"
    if best_shortcut := margin(evidence):
        explanation += f". It is {best_shortcut[1]:+.4f} against the best shortcut, {best_shortcut[0]}"
    return Finding("shortcut gap", ok, explanation)


def _magnification(evidence: Evidence, _: Comparison) -> Finding:
    """Refuse a model that is sure of a wrong side where the objective is another; it must have been asked."""
    if not evidence.magnifications:
        explanation = "fields at other magnifications were not asked about: measure it again with folds of slides"
        return Finding("magnification", False, explanation)
    magnification, worst = max(evidence.magnifications.items(), key=lambda pair: pair[1].accepted_wrong)
    ok = worst.accepted_wrong <= MOST_WRONG_MAGNIFIED
    explanation = (
        f"at {magnification}x {worst.accepted_wrong:.2%} of fields are accepted and of the wrong side, more than "
        "anywhere else"
    )
    return Finding(
        "magnification", ok, explanation + ("" if ok else f"; {MOST_WRONG_MAGNIFIED:.1%} is the most allowed")
    )


def _strict_result(evidence: Evidence | None) -> ProtocolResult | None:
    result = evidence.protocols.get(STRICT) if evidence else None
    return result if result and SCORE in result.metrics else None


def _score(evidence: Evidence, protocol: str) -> float | None:
    result = evidence.protocols.get(protocol)
    return result.metrics[SCORE].value if result and SCORE in result.metrics else None
