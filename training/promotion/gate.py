"""What a model must show before it may serve. Every rule is asked, so that one run tells all that is missing."""

from training.evaluation.results import Evidence, ProtocolResult
from training.promotion import own_gate
from training.promotion.candidate import Candidate
from training.promotion.finding import (
    CALIBRATION,
    SCORE,
    Comparison,
    Finding,
    not_worse_finding,
    parity_finding,
    unknown,
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
        _sound("card", candidate, f"version {candidate.card.version}" if candidate.card else ""),
        _sound("file", candidate, f"sha256 {candidate.file_sha256}, as its card says; it loads and answers"),
    ]
    evidence = candidate.evidence
    if evidence is None:
        return [*findings, Finding("evidence", False, candidate.problems["evidence"])]
    if own_gate.is_own(candidate):
        own = (own_gate.groups, own_gate.calibration, own_gate.not_worse, own_gate.shortcut)
        return findings + [rule(evidence, comparison) for rule in (own_gate.parity, _manifest, *own)]
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
    scores = {name: by[STRICT] for name, by in evidence.shortcuts.items() if STRICT in by}
    if score is None or not scores:
        return None
    best = max(scores, key=scores.__getitem__)
    return best, score - scores[best]


def _sound(part: str, candidate: Candidate, said: str) -> Finding:
    return Finding(part, part not in candidate.problems, candidate.problems.get(part, said))


def _parity(evidence: Evidence, _: Comparison) -> Finding:
    return parity_finding(evidence.parity)


def _manifest(evidence: Evidence, comparison: Comparison) -> Finding:
    current = comparison.manifest_digest
    if evidence.manifest_digest == current:
        return Finding("manifest", True, f"measured on the current data, manifest {current[:16]}")
    said = (
        f"measured on manifest {evidence.manifest_digest[:16]}, and the data's is {current[:16]} now: measure it again"
    )
    return Finding("manifest", False, said)


def _calibration(evidence: Evidence, comparison: Comparison) -> Finding:
    strict, card = evidence.protocols.get(STRICT), comparison.candidate.card
    error = strict.metrics.get(CALIBRATION) if strict else None
    if strict is None or error is None or not strict.reliability or card is None:
        said = f"{CALIBRATION} and reliability on {STRICT} folds were not measured: measure it again"
        return Finding("calibration", False, said)
    said = f"{card.calibration.method}, temperature {card.calibration.temperature:.3g}; error {error.value:.3f}"
    return Finding("calibration", True, said)


def _not_worse(evidence: Evidence, comparison: Comparison) -> Finding:
    new, served = _strict(evidence), _strict(comparison.in_service.evidence)
    if new is None:
        return Finding("not worse", False, f"{SCORE} on {STRICT} folds was not measured: measure it again")
    if served is None or comparison.in_service.evidence is None:
        return Finding("not worse", False, unknown(comparison))
    measured_on = comparison.in_service.evidence.manifest_digest
    if measured_on != evidence.manifest_digest:
        stale = measured_on != comparison.manifest_digest
        said = "measured on other data than the model in service: measure it again"
        return Finding("not worse", False, unknown(comparison, "was measured on other data") if stale else said)
    return not_worse_finding(new, served, f"{STRICT} folds")


def _gap(evidence: Evidence, comparison: Comparison) -> Finding:
    new = gap(evidence)
    served = gap(comparison.in_service.evidence) if comparison.in_service.evidence else None
    if new is None:
        said = f"{SCORE} on {KIND} and {STRICT} folds was not measured: measure it again"
        return Finding("shortcut gap", False, said)
    if served is None:
        return Finding("shortcut gap", False, unknown(comparison))
    ok = new <= served + GAP_TOLERANCE
    said = f"{new:+.4f} from {KIND} to {STRICT} folds; in service {served:+.4f}"
    said += "" if ok else f": larger by more than {GAP_TOLERANCE:g}, so more of its score is owed to slides"
    if found := margin(evidence):
        said += f". It is {found[1]:+.4f} against the best shortcut, {found[0]}"
    return Finding("shortcut gap", ok, said)


def _magnification(evidence: Evidence, _: Comparison) -> Finding:
    """Refuse a model that is sure of a wrong side where the objective is another; it must have been asked."""
    if not evidence.magnifications:
        said = "fields at other magnifications were not asked about: measure it again with folds of slides"
        return Finding("magnification", False, said)
    at, worst = max(evidence.magnifications.items(), key=lambda pair: pair[1].accepted_wrong)
    ok = worst.accepted_wrong <= MOST_WRONG_MAGNIFIED
    said = f"at {at}x {worst.accepted_wrong:.2%} of fields are accepted and of the wrong side, more than anywhere else"
    return Finding("magnification", ok, said + ("" if ok else f"; {MOST_WRONG_MAGNIFIED:.1%} is the most allowed"))


def _strict(evidence: Evidence | None) -> ProtocolResult | None:
    found = evidence.protocols.get(STRICT) if evidence else None
    return found if found and SCORE in found.metrics else None


def _score(evidence: Evidence, protocol: str) -> float | None:
    found = evidence.protocols.get(protocol)
    return found.metrics[SCORE].value if found and SCORE in found.metrics else None
