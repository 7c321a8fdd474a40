"""What a rule of promotion looks at, and what it found."""

from collections.abc import Mapping
from dataclasses import dataclass

from training.evaluation.results import ProtocolResult
from training.promotion.candidate import Candidate

SCORE = "balanced_accuracy"
CALIBRATION = "expected_calibration_error"
MAX_PROBABILITY_DIFFERENCE = 1e-3
"""As ``training.serving.parity`` demands it, which takes TensorFlow's ten seconds to import."""


@dataclass(frozen=True)
class Finding:
    """What one rule found: whether it lets the model pass, and in words why."""

    rule: str
    ok: bool
    explanation: str


@dataclass(frozen=True)
class Comparison:
    """Everything that the rules look at.

    Attributes
    ----------
    candidate, in_service
        The model to promote, and the one that it would replace.
    manifest_digest
        Of the data as it is now.
    """

    candidate: Candidate
    in_service: Candidate
    manifest_digest: str


def parity_finding(parity: Mapping[str, float]) -> Finding:
    """Say whether a file answers as the network that it was converted from."""
    agreement, difference = parity.get("agreement"), parity.get("max_difference")
    if agreement is None or difference is None:
        return Finding("parity", False, "the file was never compared with its network: export and measure it again")
    # Written so that a NaN is refused.
    ok = agreement >= 1.0 and difference <= MAX_PROBABILITY_DIFFERENCE
    explanation = f"file and network agree on {agreement:.2%}, a probability differs by {difference:.2g} at most"
    return Finding("parity", ok, explanation + ("" if ok else f"; 100% and {MAX_PROBABILITY_DIFFERENCE:g} are needed"))


def not_worse_finding(new: ProtocolResult, served: ProtocolResult, where: str) -> Finding:
    """Say whether a model scores at least the lower end of what the one in service scores there."""
    score, bounds = new.metrics[SCORE].value, served.metrics[SCORE]
    explanation = f"{score:.4f} on {where}; in service {bounds.value:.4f} ({bounds.low:.4f} to {bounds.high:.4f})"
    return Finding(
        "not worse", score >= bounds.low, explanation + ("" if score >= bounds.low else ": below its interval")
    )


def no_comparison(comparison: Comparison, reason: str = "carries no evidence") -> str:
    """Say that the model in service cannot be compared with."""
    return (
        f"the model in service ({comparison.in_service.sha256[:16]}) {reason}, so nothing can be compared: measure "
        "that file with python -m training evaluate, and name its folder by --in-service"
    )
