"""What one forward pass gives, and what is said of it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from intake import Picture

Verdict = Literal["accepted", "uncertain", "out_of_distribution"]


@dataclass(frozen=True)
class Outputs:
    """What one forward pass gives, as the file gives it.

    Attributes
    ----------
    probabilities
        float32[labels], calibrated, in the card's order.
    embedding
        float32[D], pooled features.
    activation_maps
        float32[h, w, labels]; the spatial mean of a label's map, plus its bias, is its logit.
    out_of_distribution_score
        Higher is stranger.
    """

    probabilities: npt.NDArray[np.float32]
    embedding: npt.NDArray[np.float32]
    activation_maps: npt.NDArray[np.float32]
    out_of_distribution_score: float


@dataclass(frozen=True)
class Timings:
    """Where the time of one answer went, in milliseconds."""

    decode_ms: float
    inference_ms: float
    explain_ms: float


@dataclass(frozen=True)
class Answer:
    """What the model says of one image, and whether to rely on it.

    Attributes
    ----------
    label, probability
        The most probable label.
    verdict
        ``out_of_distribution`` where the score is over the card's threshold; else ``accepted`` where the prediction
        set has exactly one label; else ``uncertain``.
    probabilities
        By label, calibrated.
    malignant_probability
        Sum over the card's malignant labels.
    prediction_set
        Labels whose probability reaches the card's minimum.
    picture
        Facts of the file that was read.
    heatmap_png
        Of the predicted label; None unless asked for.
    """

    label: str
    probability: float
    verdict: Verdict
    probabilities: dict[str, float]
    malignant_probability: float
    prediction_set: tuple[str, ...]
    out_of_distribution_score: float
    picture: Picture
    heatmap_png: bytes | None
    timings: Timings
