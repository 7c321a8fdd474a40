"""A linear head in closed form: discriminant analysis with a shrunken covariance.

Few images and more than a thousand statistics do not determine a covariance, so it is drawn towards a multiple of the
identity (Friedman, "Regularized Discriminant Analysis", J. Am. Stat. Assoc. 84, 1989). On patients left out it is
better than logistic regression on the same embedding (docs/decisions/201-discriminant-analysis-for-own-classes.md),
and takes a second.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from training.models.linear_probe import LinearHead

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
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
    offsets = ((rows - means[every]) * np.sqrt(weights)[:, None]).astype(np.float32)
    kernels = _by_rows if len(offsets) < offsets.shape[1] and min(shrinkages) > 0 else _by_statistics
    heads = []
    for kernel in kernels(offsets, means, shrinkages):
        bias = -0.5 * (means.T * kernel).sum(0)
        heads.append(LinearHead(*(array.astype(np.float32) for array in (kernel, bias, centre, spread))))
    return heads


def _by_statistics(offsets: Floats, means: Doubles, shrinkages: Sequence[float]) -> Iterator[Doubles]:
    """Solve for each shrinkage with the covariance, float32[d, d]: gives float[d, classes]."""
    covariance = offsets.T @ offsets
    level = float(np.trace(covariance)) / len(covariance)
    for share in shrinkages:
        shrunken = (1 - share) * covariance
        shrunken[np.diag_indices_from(shrunken)] += share * level
        yield cho_solve(cho_factor(shrunken), means.T)


def _by_rows(offsets: Floats, means: Doubles, shrinkages: Sequence[float]) -> Iterator[Doubles]:
    """Solve the same where rows are fewer than statistics, by Woodbury's identity: with products of rows, [n, n]."""
    products = (offsets @ offsets.T).astype(np.float64)
    level = float(np.trace(products)) / offsets.shape[1]
    along = offsets.astype(np.float64) @ means.T
    for share in shrinkages:
        shrunken = (1 - share) * products
        shrunken[np.diag_indices_from(shrunken)] += share * level
        solved = cho_solve(cho_factor(shrunken), along).astype(np.float32)
        yield (means.T - (1 - share) * (offsets.T @ solved)) / (share * level)
