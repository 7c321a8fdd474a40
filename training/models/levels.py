"""Two levels in one answer: malignant or benign, and which pattern of that side.

A softmax over all labels leaves the first to the sum of the second: wherever a pattern is told with much confidence,
malignant is, too, and on a new slide that confidence is worth little. So each level has logits of its own, and a
label's probability is that of its side times that of the label within the side
(docs/decisions/121-triage-has-a-head-of-its-own.md).
"""

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.special import expit

from training.data.labels import LABELS, MALIGNANT_LABELS

Floats = NDArray[np.float32]

SIDES = np.array([1.0 if label in MALIGNANT_LABELS else -1.0 for label in LABELS], np.float32)
"""Of each label: 1 is malignant, -1 benign."""
LEAST = 1e-30
"""Keeps the share of a label within its side from 0 / 0 where the other side's logits are far larger."""
_TOGETHER = (SIDES[:, None] == SIDES[None, :]).astype(np.float32)


def is_malignant(labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which labels are malignant: int64[n] to bool[n]."""
    return SIDES[labels] > 0


def join(pattern_logits: Floats, triage_logits: NDArray[np.floating]) -> Floats:
    """Give the probability of every label.

    Parameters
    ----------
    pattern_logits : float32[n, labels]
        Only differences within a side count.
    triage_logits : float[n]
        Of malignant against benign.
    """
    raised = np.exp(pattern_logits - pattern_logits.max(-1, keepdims=True)) + LEAST
    within = raised / (raised @ _TOGETHER)
    joined: Floats = (within * expit(np.asarray(triage_logits)[:, None] * SIDES)).astype(np.float32)
    return joined


def join_in_graph(pattern_logits: tf.Tensor, triage_logit: tf.Tensor, maps: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
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

    Returns
    -------
    (float32[1, labels], float32[1, h, w, labels])
        Probabilities, and activation maps.
    """
    raised = tf.exp(pattern_logits - tf.reduce_max(pattern_logits, -1, keepdims=True)) + LEAST
    within = raised / tf.matmul(raised, _TOGETHER)
    probabilities = within * tf.sigmoid(triage_logit * SIDES)
    patterns = np.eye(len(SIDES), dtype=np.float32) - tf.transpose(within) * _TOGETHER
    mixing = tf.concat([patterns, SIDES[None] / 2.0], 0)
    _, height, width, channels = maps.shape
    joined = tf.matmul(tf.reshape(maps, [height * width, channels]), mixing)
    return probabilities, tf.reshape(joined, [1, height, width, len(SIDES)])
