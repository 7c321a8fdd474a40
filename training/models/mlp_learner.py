"""From features of a frozen backbone to a calibrated MLP head, which learns from all the fields it is given."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from training.data.dataset import Fields
from training.data.manifest import Manifest
from training.models import out_of_distribution
from training.models.feature_cache import FrozenBackbone
from training.models.learners import CALIBRATION_PART, Learned, calibrated, inner_parts
from training.models.mlp_head import FittedHead, Floats, Labels, fit_head
from training.models.recipes import MlpHead
from training.models.slide_learner import OOD_RANK


@dataclass(frozen=True)
class FrozenSet:
    """Fields and what a frozen backbone makes of them.

    Attributes
    ----------
    manifest, fields
        Of the same folder.
    backbone
        Frozen.
    embeddings : float32[n, d]
        In the fields' order.
    """

    manifest: Manifest
    fields: Fields
    backbone: FrozenBackbone
    embeddings: Floats


@dataclass(frozen=True)
class HeadModel:
    """A head that knows how sure it may be.

    Attributes
    ----------
    fitted
        The head alone.
    learned
        The same on its backbone, calibrated.
    """

    fitted: FittedHead
    learned: Learned

    def answer(self, embeddings: Floats) -> tuple[Floats, NDArray[np.float32]]:
        """Answer for pooled features as the whole network would: probabilities and out-of-distribution scores."""
        probabilities: Floats = softmax(self.fitted.logits(embeddings) / self.learned.temperature, 1)
        return probabilities, self.learned.distance.score(embeddings)


def learn_head(
    data: FrozenSet,
    recipe: MlpHead,
    train: Labels,
    fitted: FittedHead | None = None,
    calibration_fields: Labels | None = None,
) -> HeadModel:
    """Train a head, and calibrate it on fields that whoever answers did not learn from.

    Parameters
    ----------
    data, recipe
        Fields, and how.
    train : int64[k]
        Positions of the fields to learn from.
    fitted : FittedHead, optional
        The head, where it has learnt from them already.
    calibration_fields : int64[m], optional
        Positions of fields kept apart for this. Else a sibling head, trained without a contiguous fifth of the training
        fields, answers for that fifth; the head itself learns from all of them.

    Raises
    ------
    DataError, DivergedError
        The fields are too few, or the head learnt nothing.
    """
    name, labels = data.backbone.name, data.fields.labels
    head = fitted or fit_head(name, data.embeddings[train], labels[train], recipe)
    distance = _ood_distance(data, train)
    answering_head, answering_distance = head, distance
    if calibration_fields is None:
        learnt, left_out = inner_parts(data.fields.take(train), data.manifest)[CALIBRATION_PART]
        calibration_fields = train[left_out]
        answering_head = fit_head(name, data.embeddings[train[learnt]], labels[train[learnt]], recipe)
        answering_distance = _ood_distance(data, train[learnt])
    embeddings = data.embeddings[calibration_fields]
    learned = calibrated(
        data.backbone.classifier(head.head),
        distance,
        head.epochs,
        answering_head.logits(embeddings),
        labels[calibration_fields],
        answering_distance.score(embeddings),
    )
    return HeadModel(head, learned)


def _ood_distance(data: FrozenSet, which: Labels) -> out_of_distribution.Mahalanobis:
    embeddings = data.embeddings[which]
    fields, width = embeddings.shape
    rank = int(min(OOD_RANK, fields // 4, width // 4))
    return out_of_distribution.fit(embeddings, data.fields.labels[which], rank)
