"""A linear head on features that stay as they are: convex, the same every time, fitted in seconds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from training.models.readings import Reading, mean_of
from training.models.recipes import LinearProbe
from training.models.scale_bar_mask import hide_scale_bar
from training.models.stain_pooling import NUCLEI, StainPool, stain_weights

ITERATIONS, TOLERANCE = 400, 1e-5
"""Stopped at a tolerance of 1e-3, a head is 0.006 worse on contiguous folds."""
TRIAGE_TOLERANCE = 1e-4
DENSITY_EDGES = (0.1 / 1.5, 0.1, 0.15, 0.225)
"""Of ``stain_density``, from sparse to crowded: each half as dense again as the one before."""
HIGHEST_WEIGHT = 10.0
"""Of a field of a rare density, relative to the mean of its label's: a handful of fields must not outvote the rest."""

Floats = NDArray[np.float32]
Labels = NDArray[np.int64]
Given = ParamSpec("Given")
Found = TypeVar("Found")


def on_one_thread(fit: Callable[Given, Found]) -> Callable[Given, Found]:
    """Let a fit keep its algebra to one thread.

    A step multiplies a matrix by a few columns, and takes milliseconds. OpenBLAS's threads wait for the next in a loop
    that takes a core each; two of them were slower than one (docs/decisions/281-fits-keep-to-one-thread.md).
    """
    wrapped: Callable[Given, Found] = threadpool_limits.wrap(limits=1, user_api="blas")(fit)
    return wrapped


@dataclass(frozen=True)
class LinearHead:
    """Logits of an embedding e: ((e - centre) / spread) @ kernel + bias.

    Attributes
    ----------
    kernel : float32[d, classes]
    bias : float32[classes]
    centre, spread : float32[d]
        Mean and standard deviation of the embeddings that it was fitted on.
    """

    kernel: Floats
    bias: Floats
    centre: Floats
    spread: Floats

    @classmethod
    def of(cls, network: keras.Model) -> "LinearHead":
        """Read back what ``put`` has set."""
        pool, (kernel, bias) = network.get_layer("embedding"), network.get_layer("logits").get_weights()
        if isinstance(pool, StainPool):
            return cls(kernel, bias, *pool.get_weights())
        return cls(kernel, bias, np.zeros(len(kernel), np.float32), np.ones(len(kernel), np.float32))

    def standardise(self, embeddings: Floats) -> Floats:
        """Bring each dimension to mean 0 and deviation 1: float32[n, d] to the same."""
        standard: Floats = (embeddings - self.centre) / self.spread
        return standard

    def logits(self, embeddings: Floats) -> Floats:
        """Give float32[n, classes] for float32[n, d]."""
        scores: Floats = (self.standardise(embeddings) @ self.kernel + self.bias).astype(np.float32)
        return scores

    def first(self, width: int) -> "LinearHead":
        """Keep what standardises the first statistics, and their part in the logits."""
        return LinearHead(self.kernel[:width], self.bias, self.centre[:width], self.spread[:width])

    def put(self, network: keras.Model) -> None:
        """Set the last layers of what ``classifier.build`` made with a linear head."""
        pool, last = network.get_layer("embedding"), network.get_layer("logits")
        if isinstance(pool, StainPool):
            pool.standardise(self.centre, self.spread)
            last.set_weights([self.kernel, self.bias])
        else:
            kernel = self.kernel / self.spread[:, None]
            last.set_weights([kernel, self.bias - self.centre @ kernel])


@on_one_thread
def fit_linear_head(
    turned: Floats, varied: Floats, labels: Labels, densities: Floats, recipe: LinearProbe
) -> LinearHead:
    """Fit multinomial logistic regression with a quadratic penalty on standardised embeddings.

    Parameters
    ----------
    turned : float32[turns, n, d]
        As the network pools them, each field in several turns: rows of their own, which together weigh as one field.
    varied : float32[k, n, d]
        Of k varied copies of each field (``training.data.corruptions``); k may be 0.
    labels : int64[n]
        Every label present.
    densities : float32[n]
        Of ``stain_density``. Within each label every density counts alike, and every label counts alike: in the public
        set sparse fields are mostly of one leukaemia, which is the slides' doing and not the disease's.
    recipe : LinearProbe
        How strong the penalty is, and what a copy weighs.

    Returns
    -------
    LinearHead
        Fitted.
    """
    everything, truth, counts = _rows(turned, varied, labels, balanced_weights(labels, densities), recipe)
    centre = everything.mean(0, dtype=np.float64)
    spread = everything.std(0, dtype=np.float64)
    spread[spread < 1e-6] = 1.0
    regression = LogisticRegression(C=recipe.c, max_iter=ITERATIONS, tol=TOLERANCE)
    regression.fit(((everything - centre) / spread).astype(np.float32), truth, counts)
    kernel, bias = regression.coef_.T, regression.intercept_
    if kernel.shape[1] == 1:
        # Of two labels scikit-learn gives the second's alone, as the difference of both.
        kernel, bias = np.concatenate([-kernel / 2, kernel / 2], 1), np.concatenate([-bias / 2, bias / 2])
    return LinearHead(
        kernel.astype(np.float32),
        bias.astype(np.float32),
        centre.astype(np.float32),
        spread.astype(np.float32),
    )


def fit_triage(
    turned: Floats,
    varied: Floats,
    labels: Labels,
    malignant: NDArray[np.bool_],
    slides: Sequence[str],
    colours: int,
    recipe: LinearProbe,
) -> Reading:
    """Fit malignant against benign: the mean of two logistic regressions, in which every slide of a label weighs alike.

    The first sees every statistic, and is the better on known slides; the second those in grey only, and is the better
    on new ones.

    Parameters
    ----------
    turned : float32[turns, n, d]
        Standardised embeddings.
    varied : float32[k, n, d]
        Of varied copies.
    labels : int64[n]
        As for ``fit_linear_head``.
    malignant : bool[n]
        The side of each label.
    slides : sequence of str
        Of each field.
    colours : int
        How many statistics come first, of the view in colour.
    recipe : LinearProbe
        How strong the penalty is, and what a copy weighs.
    """
    rows, truth, counts = _rows(turned, varied, malignant, _by_slide(labels, slides), recipe)
    readings = []
    for first in (0, colours):
        regression = LogisticRegression(C=recipe.c, max_iter=ITERATIONS, tol=TRIAGE_TOLERANCE)
        regression.fit(rows[:, first:], truth, counts)
        kernel = np.concatenate([np.zeros(first), regression.coef_[0]]).astype(np.float32)
        readings.append(Reading(kernel, float(regression.intercept_[0])))
    return mean_of(*readings)


def _rows(
    turned: Floats, varied: Floats, truth: NDArray[Any], weights: NDArray[np.float64], recipe: LinearProbe
) -> tuple[Floats, NDArray[Any], NDArray[np.float64]]:
    """Put turns and copies under one another, with the truth and the weight of each: turns weigh as one field."""
    counts = [weights / len(turned)] * len(turned) + [weights * recipe.copy_weight] * len(varied)
    return np.concatenate([*turned, *varied]), np.tile(truth, len(counts)), np.concatenate(counts)


def _by_slide(labels: Labels, slides: Sequence[str]) -> NDArray[np.float64]:
    """Weigh fields so that each label counts the same, and within it each slide: float64[n], mean 1."""
    _, slide_of, sizes = np.unique(np.asarray(slides), return_inverse=True, return_counts=True)
    weights = 1.0 / sizes[slide_of]
    for label in np.unique(labels):
        of_label = labels == label
        weights[of_label] *= len(labels) / len(np.unique(labels)) / weights[of_label].sum()
    return np.asarray(weights, np.float64)


def balanced_weights(labels: Labels, densities: Floats) -> NDArray[np.float64]:
    """Weigh fields so that each label counts the same, and within it each density: float64[n], mean 1."""
    bins = np.digitize(densities, DENSITY_EDGES)
    weights = np.ones(len(labels))
    present = np.unique(labels)
    for label in present:
        of_label = labels == label
        counts = np.bincount(bins[of_label], minlength=len(DENSITY_EDGES) + 1)
        bin_weights = np.minimum(counts.sum() / ((counts > 0).sum() * np.maximum(counts, 1)), HIGHEST_WEIGHT)
        density_weights = bin_weights[bins[of_label]]
        weights[of_label] = density_weights / density_weights.sum() * len(labels) / len(present)
    return weights


def stain_density(images: NDArray[np.uint8], batch_size: int = 16) -> Floats:
    """Measure the share of each field that nuclei cover: uint8[n, 224, 224, 3] to float32[n].

    Of 64 at a time, which the allocator asks the kernel for anew at every step, it took half as long again.
    """
    parts = []
    for start in range(0, len(images), batch_size):
        fields = hide_scale_bar(tf.cast(images[start : start + batch_size], tf.float32))
        parts.append(np.asarray(tf.reduce_mean(stain_weights(fields, NUCLEI), [1, 2, 3])))
    return np.concatenate(parts)
