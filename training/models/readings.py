"""Numbers that are read off an embedding by a weighted sum: they cost a served graph next to nothing."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

WIDEST = 8.0
"""Standard deviations at which a gate's inputs are cut off: one statistic gone wild must not outvote a thousand."""


@dataclass(frozen=True)
class Reading:
    """A weighted sum of a standardised embedding, cut off at ``WIDEST`` on both sides.

    Attributes
    ----------
    kernel : float32[d]
    bias : float
    """

    kernel: Floats
    bias: float

    def of(self, standard: Floats) -> NDArray[np.float64]:
        """Read standardised embeddings: float32[n, d] to float64[n]."""
        found: NDArray[np.float64] = np.clip(standard, -WIDEST, WIDEST).astype(np.float64) @ self.kernel + self.bias
        return found

    def scaled(self, slope: float, intercept: float) -> "Reading":
        """Give slope * reading + intercept."""
        return Reading((self.kernel * slope).astype(np.float32), float(self.bias * slope + intercept))


def mean_of(*readings: Reading) -> Reading:
    """Average readings of the same embedding."""
    kernel = np.mean([one.kernel for one in readings], axis=0).astype(np.float32)
    return Reading(kernel, float(np.mean([one.bias for one in readings])))
