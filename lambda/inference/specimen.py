"""Many fields of one smear are one specimen: counts and intervals over its fields, never a diagnosis."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .answer import Verdict

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


@dataclass(frozen=True)
class Specimen:
    """What the fields of one specimen amount to.

    Attributes
    ----------
    fields
        Distinct fields.
    verdicts
        Fields by verdict; those not accepted are abstentions.
    labels
        Accepted fields by label.
    malignant
        Accepted fields of a malignant label; None without an accepted field.
    sufficient
        Whether the shares may be read at all.
    reason
        Why, in a sentence.
    """

    fields: int
    verdicts: Mapping[Verdict, int]
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


def summarise(
    fields: Sequence[tuple[str, Verdict]], labels: Sequence[str], malignant_labels: Sequence[str]
) -> Specimen:
    """Count over the fields of one specimen.

    Parameters
    ----------
    fields
        Label and verdict of each distinct field.
    labels, malignant_labels
        Of the model's card.

    Returns
    -------
    Specimen
        With shares among the accepted fields alone.
    """
    verdicts: Counter[Verdict] = Counter({"accepted": 0, "uncertain": 0, "out_of_distribution": 0})
    verdicts.update(verdict for _, verdict in fields)
    counts = Counter(label for label, verdict in fields if verdict == "accepted")
    accepted = verdicts["accepted"]
    malignant = wilson(sum(counts[label] for label in malignant_labels), accepted) if accepted else None
    sufficient, reason = _evidence(accepted, len(fields))
    return Specimen(
        fields=len(fields),
        verdicts=dict(verdicts),
        labels={label: wilson(counts[label], accepted) for label in labels} if accepted else {},
        malignant=malignant,
        sufficient=sufficient,
        reason=reason,
    )


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
