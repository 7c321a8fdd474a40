"""Numbers that are read off an embedding by a weighted sum: they cost a served graph next to nothing."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Reading:
    """A weighted sum of a standardised embedding.

    Attributes
    ----------
    kernel : float32[d]
    bias : float
    widest : float
        Each standardised statistic is cut off at this on both sides: one that has gone wild must not outvote a
        thousand.
    """

    kernel: Floats
    bias: float
    widest: float = math.inf

    def of(self, standard: Floats) -> NDArray[np.float64]:
        """Read standardised embeddings: float32[n, d] to float64[n]."""
        cut = np.clip(standard, -self.widest, self.widest).astype(np.float64)
        readings: NDArray[np.float64] = cut @ self.kernel + self.bias
        return readings

    def scaled(self, slope: float, intercept: float) -> "Reading":
        """Give slope * reading + intercept."""
        return Reading((self.kernel * slope).astype(np.float32), float(self.bias * slope + intercept), self.widest)


def mean_of(*readings: Reading) -> Reading:
    """Average readings of the same embedding, of which none cuts off."""
    kernel = np.mean([reading.kernel for reading in readings], axis=0).astype(np.float32)
    return Reading(kernel, float(np.mean([reading.bias for reading in readings])))
