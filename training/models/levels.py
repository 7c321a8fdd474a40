"""Two levels in one answer: malignant or benign, and which pattern of that side.

A softmax over all labels leaves the first to the sum of the second: wherever a pattern is told with much confidence,
malignant is, too, and on a new slide that confidence is worth little. So each level has logits of its own, and a
label's probability is that of its side times that of the label within the side
(docs/decisions/121-triage-has-a-head-of-its-own.md).
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.special import expit

from inference import ClassSpec

Floats = NDArray[np.float32]

SIDE = {"malignant": 1.0, "benign": -1.0, None: 0.0}
LEAST = 1e-30
"""Keeps the share of a label within its side from 0 / 0 where the other side's logits are far larger."""


def sides_of(classes: Sequence[ClassSpec]) -> Floats:
    """Tell each class's side, float32[classes]: 1 is malignant, -1 benign, 0 neither."""
    return np.array([SIDE[spec.triage] for spec in classes], np.float32)


def have_two_levels(sides: Floats) -> bool:
    """Tell whether every class has a side and both sides have one: else one softmax says it all."""
    return set(sides.tolist()) == {1.0, -1.0}


def join(pattern_logits: Floats, triage_logits: NDArray[np.floating], sides: Floats) -> Floats:
    """Give the probability of every label.

    Parameters
    ----------
    pattern_logits : float32[n, labels]
        Only differences within a side count.
    triage_logits : float[n]
        Of malignant against benign.
    sides : float32[labels]
        Of ``sides_of``.
    """
    raised = np.exp(pattern_logits - pattern_logits.max(-1, keepdims=True)) + LEAST
    within = raised / (raised @ _together(sides))
    probabilities: Floats = (within * expit(np.asarray(triage_logits)[:, None] * sides)).astype(np.float32)
    return probabilities


def join_in_graph(
    pattern_logits: tf.Tensor, triage_logit: tf.Tensor, maps: tf.Tensor, sides: Floats
) -> tuple[tf.Tensor, tf.Tensor]:
    """Do the same in a served graph, and give the maps of the joined logits.

    A label's joined logit is, but for what is the same for all: its pattern logit, less the log of its side's summed
    exponentials, plus or minus half the triage logit. That log is the sum of the side's logits weighed by their shares,
    plus these shares' entropy: so the joined logit is a sum of maps again, plus a number that depends on the field.

    Parameters
    ----------
    pattern_logits : float32[1, labels]
    triage_logit : float32[1, 1]
    maps : float32[1, h, w, labels + 1]
        Of every pattern logit, then of the triage's: the mean over places, plus a bias, is the logit.
    sides : float32[labels]
        Of ``sides_of``.

    Returns
    -------
    (float32[1, labels], float32[1, h, w, labels])
        Probabilities, and activation maps.
    """
    together = _together(sides)
    raised = tf.exp(pattern_logits - tf.reduce_max(pattern_logits, -1, keepdims=True)) + LEAST
    within = raised / tf.matmul(raised, together)
    probabilities = within * tf.sigmoid(triage_logit * sides)
    patterns = np.eye(len(sides), dtype=np.float32) - tf.transpose(within) * together
    mixing = tf.concat([patterns, sides[None] / 2.0], 0)
    _, height, width, channels = maps.shape
    joined = tf.matmul(tf.reshape(maps, [height * width, channels]), mixing)
    return probabilities, tf.reshape(joined, [1, height, width, len(sides)])


def _together(sides: Floats) -> Floats:
    """Tell which labels are of one side: float32[labels, labels] of 0 and 1."""
    together: Floats = (sides[:, None] == sides[None, :]).astype(np.float32)
    return together
