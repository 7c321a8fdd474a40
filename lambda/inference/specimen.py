"""Many fields of one smear are one specimen: counts and intervals over its fields, never a diagnosis."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .answer import Verdict
from .classes import TriageGroup

MINIMUM_ACCEPTED_FIELDS: Final = 21
"""From here on a 95 % Wilson interval of any share is at most 0.2 wide to either side: z / (2 sqrt(n + z^2)) <= 0.2."""

MINIMUM_ACCEPTED_SHARE: Final = 0.5
"""Where the model abstains on most fields, those that are left are not a sample of the specimen."""

_Z_95: Final = 1.959963984540054


@dataclass(frozen=True)
class Share:
    """A count among the accepted fields, and its share with a 95 % Wilson score interval."""

    count: int
    share: float
    low: float
    high: float


LIMITS: Final = (
    "These are fields of one specimen. Fields of one slide share stain, focus and patient, and are no independent "
    "samples: the intervals say how well this slide was counted, and nothing of another slide or patient. One specimen "
    "can show where to look under the microscope; it proves no diagnosis, and a slide that is unlike those of the "
    "model's evaluation can be wrong in all of its fields at once."
)


@dataclass(frozen=True)
class FieldAnswer:
    """What a report needs of one field: both levels.

    Attributes
    ----------
    label, verdict
        Of the pattern; no label where it is out of distribution.
    side, triage_verdict
        Of the triage; both None for a model without triage groups.
    """

    label: str | None
    verdict: Verdict
    side: TriageGroup | None = None
    triage_verdict: Verdict | None = None


@dataclass(frozen=True)
class Specimen:
    """What the fields of one specimen amount to.

    Attributes
    ----------
    fields
        Distinct fields.
    verdicts
        Fields by verdict of the triage, or of the pattern for a model without triage groups; those not accepted are
        abstentions.
    patterns_accepted
        Fields whose pattern is accepted.
    labels
        These by label.
    malignant
        Fields of an accepted triage that are malignant; None without one.
    sufficient
        Whether the shares may be read at all.
    reason
        Why, in a sentence.
    """

    fields: int
    verdicts: Mapping[Verdict, int]
    patterns_accepted: int
    labels: Mapping[str, Share]
    malignant: Share | None
    sufficient: bool
    reason: str


def wilson(count: int, total: int) -> Share:
    """Give a share with its 95 % Wilson score interval (Wilson, J. Am. Stat. Assoc. 22, 1927).

    Parameters
    ----------
    count, total
        Successes among trials; ``total`` above 0.

    Returns
    -------
    Share
        The interval never leaves [0, 1] and is sound for small counts.

    Examples
    --------
    >>> share = wilson(8, 10)
    >>> round(share.low, 3), round(share.high, 3)
    (0.49, 0.943)
    """
    share, square = count / total, _Z_95**2
    centre = share + square / (2 * total)
    spread = _Z_95 * math.sqrt(share * (1 - share) / total + square / (4 * total**2))
    scale = 1 + square / total
    # At the ends the exact bound is the end itself, which rounding can miss by a hair.
    low = 0.0 if count == 0 else max(0.0, (centre - spread) / scale)
    high = 1.0 if count == total else min(1.0, (centre + spread) / scale)
    return Share(count, share, low, high)


def summarise(fields: Sequence[FieldAnswer], labels: Sequence[str]) -> Specimen:
    """Count over the fields of one specimen.

    Parameters
    ----------
    fields
        Of each distinct field, both levels.
    labels
        Of the model's card.

    Returns
    -------
    Specimen
        With shares among accepted fields alone: a field that is out of distribution counts in none.
    """
    verdicts: Counter[Verdict] = Counter({"accepted": 0, "uncertain": 0, "out_of_distribution": 0})
    verdicts.update(_verdict(field) for field in fields)
    patterns = Counter(field.label for field in fields if field.verdict == "accepted" and _known(field))
    sides = Counter(field.side for field in fields if field.triage_verdict == "accepted" and _known(field))
    named, answered = patterns.total(), sides.total()
    sufficient, reason = _evidence(verdicts["accepted"], len(fields))
    return Specimen(
        fields=len(fields),
        verdicts=dict(verdicts),
        patterns_accepted=named,
        labels={label: wilson(patterns[label], named) for label in labels} if named else {},
        malignant=wilson(sides["malignant"], answered) if answered else None,
        sufficient=sufficient,
        reason=reason,
    )


def _known(field: FieldAnswer) -> bool:
    """Tell whether neither level is out of distribution, whatever a caller sent beside it."""
    return "out_of_distribution" not in (field.verdict, field.triage_verdict)


def _verdict(field: FieldAnswer) -> Verdict:
    if not _known(field):
        return "out_of_distribution"
    return field.triage_verdict or field.verdict


def _evidence(accepted: int, fields: int) -> tuple[bool, str]:
    if accepted < MINIMUM_ACCEPTED_FIELDS:
        return False, (
            f"Insufficient evidence: {accepted} accepted fields, and at least {MINIMUM_ACCEPTED_FIELDS} are needed. "
            "Photograph more fields."
        )
    if accepted < fields * MINIMUM_ACCEPTED_SHARE:
        return False, (
            f"Insufficient evidence: the model abstained on {fields - accepted} of {fields} fields, more than half. "
            "Check stain, focus and magnification."
        )
    return True, f"{accepted} of {fields} fields were accepted."
