"""What tells that a field is no field of the laboratory, or at another magnification: two sums over the embedding.

The distance to what is known is blind to a stranger that happens to lie near; a gate that has seen strangers is blind
to those that are like none of them. Each is worth more beside the other, and their sum is what a field is judged by
(docs/decisions/122-a-gate-that-knows-strangers.md). Strangers are pictures that come with the project and its tools,
the laboratory's own fields at other magnifications, and folders whose licence allows it; known fields and strangers are
varied alike, so that the gate cannot tell them by their compression.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, Ridge

from training.models.features import Features
from training.models.linear_probe import LinearHead, on_one_thread
from training.models.readings import Reading

Floats = NDArray[np.float32]

WIDEST = 8.0
"""Standard deviations at which the gate's inputs are cut off."""
GATE_REGULARISATION, GATE_ITERATIONS = 1e-3, 100
"""scikit-learn's C; a tenth of it turns the same strangers away, and more of a new slide's own fields."""
KNOWN_WEIGHT = 0.5
"""Of a turned or varied copy, and of a picture at nearly the trained magnification, where a field itself weighs 1."""
NEAR, FAR = 0.12, 0.5
"""In doublings: a picture nearer to the trained magnification is known to the gate, one farther off is a stranger; of
those between nothing is said."""
RIDGE = 300.0
"""Penalty of the magnification's regression; ten times as much widens its error from 0.11 to 0.13 doublings."""


@on_one_thread
def fit_gate(features: Features, head: LinearHead, without: str | None = None) -> Reading:
    """Fit a logistic regression of stranger against known.

    Parameters
    ----------
    features : Features
        Of the known fields, with strangers and pictures at other magnifications.
    head : LinearHead
        Standardises embeddings.
    without : str, optional
        A collection of strangers to be left out, on which the gate is then examined.
    """
    near, far = np.abs(features.doublings) < NEAR, np.abs(features.doublings) > FAR
    copies = [features.turned[-1], *features.varied, features.magnified[near]]
    known = np.concatenate([features.embeddings, *copies])
    weights = np.full(len(known), KNOWN_WEIGHT)
    weights[: len(features.embeddings)] = 1.0
    strangers = [ood_set for name, ood_set in features.strangers.items() if name != without and len(ood_set)]
    strangers += [features.magnified[far]] if far.any() else []
    # The larger a collection the more it says, but not in proportion: pictures of one source are much alike.
    stranger_weights = np.concatenate([np.full(len(ood_set), len(ood_set) ** -0.5) for ood_set in strangers])
    rows = np.clip(head.standardise(np.concatenate([known, *strangers])), -WIDEST, WIDEST)
    truth = np.repeat([0, 1], [len(known), len(stranger_weights)])
    balanced = np.concatenate([weights / weights.sum(), stranger_weights / stranger_weights.sum()]) * len(rows) / 2
    gate = LogisticRegression(C=GATE_REGULARISATION, max_iter=GATE_ITERATIONS, tol=1e-3)
    gate.fit(rows.astype(np.float32), truth, sample_weight=balanced)
    return Reading(gate.coef_[0].astype(np.float32), float(gate.intercept_[0]), WIDEST)


def fit_magnification(features: Features, head: LinearHead) -> Reading:
    """Fit a ridge regression of log2 of the magnification; fields as they came and varied are at the trained one."""
    at_trained_scale = [features.embeddings, *features.varied[:1]]
    rows = head.standardise(np.concatenate([features.magnified, *at_trained_scale]))
    truth = np.concatenate([features.doublings, np.zeros(sum(map(len, at_trained_scale)), np.float32)])
    weights = np.repeat([1.0, KNOWN_WEIGHT], [len(features.magnified), len(truth) - len(features.magnified)])
    ridge = Ridge(RIDGE).fit(rows, truth, sample_weight=weights)
    return Reading(np.asarray(ridge.coef_, np.float32).ravel(), float(ridge.intercept_))
