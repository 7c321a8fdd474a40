"""From logits to probabilities that mean what they say, and to sets that hold the truth as often as promised."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

TARGET_COVERAGE = 0.99
LAC = "LAC (least ambiguous set-valued classifier), split conformal"
LAC_REFERENCE = "Sadinle, Lei and Wasserman, J. Am. Stat. Assoc. 114, 2019"
TEMPERATURES = (0.05, 20.0)
HIGHEST_MINIMUM = 0.5
"""A label of more than this probability is alone anyway. Without the cap, a calibration run on which the model is
nearly always sure would ask for more certainty than coverage needs, and empty sets would pass for doubt."""


def temperature(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Find the temperature of least negative log-likelihood (Guo et al., ICML 2017).

    Parameters
    ----------
    logits : float32[n, classes]
        Of fields that were not trained on.
    labels : int64[n]
        Their true classes.

    Returns
    -------
    float
        What to divide logits by.
    """

    def loss(log_temperature: float) -> float:
        return -float(log_softmax(logits / np.exp(log_temperature), -1)[np.arange(len(labels)), labels].mean())

    return float(np.exp(minimize_scalar(loss, bounds=tuple(np.log(TEMPERATURES)), method="bounded").x))


def minimum_probability(logits: NDArray[np.float32], labels: NDArray[np.int64], temperature: float) -> float:
    """Find the probability that a label must reach to be in the prediction set.

    Parameters
    ----------
    logits, labels
        As for ``temperature``.
    temperature : float
        Divides the logits.

    Returns
    -------
    float
        The finite-sample conformal quantile of the true label's probability for ``TARGET_COVERAGE``, at most
        ``HIGHEST_MINIMUM``: a lower minimum only makes sets larger, and so keeps the coverage.
    """
    true = np.sort(softmax(logits / temperature, -1)[np.arange(len(labels)), labels])
    rank = int(np.floor((1.0 - TARGET_COVERAGE) * (len(true) + 1)))
    return 0.0 if rank < 1 else float(min(true[rank - 1], HIGHEST_MINIMUM))
