"""A linear head in closed form: discriminant analysis with a shrunken covariance.

Few images and more than a thousand statistics do not determine a covariance, so it is drawn towards a multiple of the
identity (Friedman, "Regularized Discriminant Analysis", J. Am. Stat. Assoc. 84, 1989). On patients left out it is
better than logistic regression on the same embedding (docs/decisions/201-discriminant-analysis-for-own-classes.md),
and takes a second.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from training.models.linear_probe import LinearHead

Floats = NDArray[np.float32]
Positions = NDArray[np.int64]


def fit_discriminants(
    turned: Floats, varied: Floats, labels: Positions, shrinkages: Sequence[float], copy_weight: float
) -> list[LinearHead]:
    """Fit a head for each shrinkage; every class counts alike.

    Parameters
    ----------
    turned : float32[turns, n, d]
        Embeddings of each image in several turns.
    varied : float32[k, n, d]
        Of varied copies; k may be 0.
    labels : int64[n]
        0 to the number of classes less one, each present.
    shrinkages : sequence of float
        0 takes the covariance as it is, 1 a multiple of the identity.
    copy_weight : float
        Of a varied copy; an image weighs 1.
    """
    everything = np.concatenate([*turned, *varied])
    every = np.tile(labels, len(turned) + len(varied))
    of_class = 1.0 / np.bincount(labels)[labels]
    weights = np.concatenate([of_class] * len(turned) + [of_class * copy_weight] * len(varied))
    weights /= weights.sum()
    centre, spread = everything.mean(0, dtype=np.float64), everything.std(0, dtype=np.float64)
    spread[spread < 1e-6] = 1.0
    rows = (everything - centre) / spread
    means = np.stack([np.average(rows[every == k], 0, weights[every == k]) for k in range(labels.max() + 1)])
    offsets = rows - means[every]
    covariance = (offsets * weights[:, None]).T @ offsets
    level = float(np.trace(covariance)) / len(covariance)
    heads = []
    for share in shrinkages:
        shrunken = (1 - share) * covariance
        shrunken[np.diag_indices_from(shrunken)] += share * level
        kernel = cho_solve(cho_factor(shrunken), means.T)
        bias = -0.5 * (means.T * kernel).sum(0)
        heads.append(LinearHead(*(one.astype(np.float32) for one in (kernel, bias, centre, spread))))
    return heads
