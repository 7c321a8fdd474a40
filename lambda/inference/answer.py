"""The outputs of one forward pass, and the answer made of them."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from intake import Picture

from .classes import TriageGroup

Verdict = Literal["accepted", "uncertain", "out_of_distribution"]
_MOST_DOUBLINGS = 10.0
ScaleSource = Literal["given", "file", "estimated"]


@dataclass(frozen=True)
class Outputs:
    """The outputs of one forward pass, as the file gives them.

    Attributes
    ----------
    probabilities
        float32[labels], calibrated, in the card's order.
    embedding
        float32[D], pooled features.
    activation_maps
        float32[h, w, labels]; the spatial mean of a label's map, plus its bias, is its logit, up to a number that the
        labels of its side (malignant or benign) share.
    out_of_distribution_score
        Higher is stranger.
    scale
        log2 of the field's magnification relative to the trained one, as the network estimates it (0 is as trained, -1
        half of it); None for a file that estimates none.
    """

    probabilities: npt.NDArray[np.float32]
    embedding: npt.NDArray[np.float32]
    activation_maps: npt.NDArray[np.float32]
    out_of_distribution_score: float
    scale: float | None = None

    @property
    def estimated_magnification(self) -> float | None:
        """Ratio to the trained magnification; beyond any rule where the estimate is no number."""
        if self.scale is None:
            return None
        return float(2.0 ** np.clip(np.nan_to_num(self.scale, nan=_MOST_DOUBLINGS), -_MOST_DOUBLINGS, _MOST_DOUBLINGS))


@dataclass(frozen=True)
class Timings:
    """Where the time of one answer went, in milliseconds."""

    decode_ms: float
    inference_ms: float
    explain_ms: float


@dataclass(frozen=True)
class Triage:
    """Malignant or benign, the first of the two levels.

    Attributes
    ----------
    result
        The more probable side; None where the field is out of distribution.
    probability
        Calibrated, that the field is malignant, whatever the result; None where it is out of distribution.
    verdict
        ``accepted`` where the probability is beyond one of the card's thresholds; ``uncertain`` between them, or where
        a class of neither side is possible.
    """

    result: TriageGroup | None
    probability: float | None
    verdict: Verdict


@dataclass(frozen=True)
class Decision:
    """What the card's rules make of one field's probabilities.

    Where the verdict is ``out_of_distribution`` no number of the field is told but its score: label, probabilities and
    the triage's numbers are None, and the prediction set is empty.

    Attributes
    ----------
    triage
        The first level; None for a model whose classes have no malignant and benign groups.
    label, probability
        The most probable label.
    verdict
        Of the pattern, the second level: ``accepted`` where the prediction set has exactly one label, and the triage
        is accepted for that label's group; else ``uncertain``; or ``out_of_distribution``.
    probabilities
        By label, calibrated.
    malignant_probability
        Sum over the card's malignant labels; None without triage, too.
    prediction_set
        Labels whose probability reaches the card's minimum.
    summary
        Both levels in words: "malignant; early pre-B or pre-B".
    reason
        Why not accepted, in words; None where both levels are.
    """

    triage: Triage | None
    label: str | None
    probability: float | None
    verdict: Verdict
    probabilities: dict[str, float] | None
    malignant_probability: float | None
    prediction_set: tuple[str, ...]
    summary: str
    reason: str | None


@dataclass(frozen=True)
class Magnification:
    """A field's magnification relative to the trained one: 0.5 where cells look half as large.

    Attributes
    ----------
    value
        Of the field as it came, before it was brought to scale.
    source
        ``given`` with the request, read from the ``file``, or ``estimated`` by the network.
    """

    value: float
    source: ScaleSource


@dataclass(frozen=True)
class Tile:
    """One part of a wide field, of the trained size, with a decision of its own.

    Attributes
    ----------
    x, y, width, height
        Its place in the image as oriented, in pixels.
    """

    x: int
    y: int
    width: int
    height: int
    decision: Decision
    out_of_distribution_score: float


@dataclass(frozen=True)
class Answer(Decision):
    """What the model says of one image, and whether to rely on it.

    Attributes
    ----------
    out_of_distribution_score
        Of a field in tiles, their median.
    magnification
        None where it is neither known nor estimated.
    tiles
        Of a wide field that was brought to scale; empty for one that was answered whole.
    picture
        Facts of the file that was read.
    heatmap_png
        Of the most probable label; None unless asked for.
    notes
        What a reader should know of how the image was read.
    """

    out_of_distribution_score: float
    magnification: Magnification | None
    tiles: tuple[Tile, ...]
    picture: Picture
    heatmap_png: bytes | None
    notes: tuple[str, ...]
    timings: Timings
