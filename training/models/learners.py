"""From training fields to a calibrated classifier: the network, how sure it may be, and what it has never seen.

Temperature, prediction sets and the out-of-distribution threshold come from fields that the answering network did not
learn from. A frozen backbone's linear head is fitted in seconds, so it is cross-fitted: whole slides are left out one
by one (``slide_learner``), or, where slides are not known or too few, contiguous parts of the fields; the final head
learns from all of them (Vovk, "Cross-conformal predictors", Ann. Math. Artif. Intell. 74, 2015). What takes minutes to
train answers for one part, which it does not learn from.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from training.data.dataset import Fields
from training.data.group_folds import grouped_parts
from training.data.labels import DataError
from training.data.manifest import Manifest
from training.data.protocols import positions
from training.data.splits import contiguous_folds
from training.models import calibration, classifier, out_of_distribution
from training.models.backbones import BACKBONES, Backbone
from training.models.features import Features, features_of
from training.models.fine_tuning import embed, fit
from training.models.heads import layer_names
from training.models.learnt import demand_learnt
from training.models.levels import join
from training.models.linear_probe import LinearHead, fit_linear_head
from training.models.mlp_head import fit_head
from training.models.out_of_distribution import Mahalanobis
from training.models.recipes import FineTuning, LinearProbe, MlpHead, Recipe
from training.models.slide_learner import (
    OOD_RANK,
    FieldReadings,
    SlideNumbers,
    examine_gate,
    learn_on_slides,
)
from training.models.stain_pooling import StainPool

OOD_QUANTILE = 0.99
"""Of the calibration fields' scores: one known field in a hundred is turned away."""
CALIBRATION_PART = 2
"""Of five contiguous parts, the one that a network of many minutes is calibrated on: the middle one."""

Floats = NDArray[np.float32]
Positions = NDArray[np.int64]
Watch = Callable[[Fields], Sequence[keras.callbacks.Callback]]
"""Takes the fields that are asked about and not learnt from; gives callbacks that measure each epoch on them."""


@dataclass(frozen=True)
class Learned:
    """A trained classifier and what it needs to be served.

    Attributes
    ----------
    network : keras.Model
        Of ``classifier.build``.
    temperature, threshold : float
        Of the card.
    minimum_probability : float or dict of str to float
        Of the card: one for all labels, or one a label.
    distance : Mahalanobis
        Fitted on the embeddings of all that was learnt from.
    epochs : list of dict
        Loss and accuracy of each; none of a linear head.
    readings : FieldReadings, optional
        Of a linear head that was calibrated on slides left out: triage, OOD score and scale.
    numbers : SlideNumbers, optional
        How these count.
    gate : dict of str to float
        See ``slide_learner.examine_gate``; empty where that was not asked for.
    """

    network: keras.Model
    temperature: float
    minimum_probability: float | dict[str, float]
    threshold: float
    distance: Mahalanobis
    epochs: list[dict[str, float]]
    readings: FieldReadings | None = None
    numbers: SlideNumbers | None = None
    gate: dict[str, float] = field(default_factory=dict)


def learn(
    backbone: str,
    fields: Fields,
    manifest: Manifest,
    recipe: Recipe,
    work: Path,
    watch: Watch | None = None,
    slides: Mapping[str, str] | None = None,
) -> Learned:
    """Train on fields and calibrate.

    Parameters
    ----------
    backbone : str
        A key of ``BACKBONES``.
    fields : Fields
        All that may be learnt from.
    manifest : Manifest
        Theirs, among others or not.
    recipe : Recipe
        How.
    work : Path
        Folder for the checkpoint of fine-tuning.
    watch : callable, optional
        See ``Watch``.
    slides : mapping of str to str, optional
        Each field's slide, by key. Here they only tell neighbours apart; ``learn_linear`` leaves them out.

    Raises
    ------
    DataError, ValueError
        Too few fields, or a recipe that this backbone cannot be trained by.
    """
    network, spec = classifier.build(backbone, fields.class_count), BACKBONES[backbone]
    if isinstance(recipe, LinearProbe):
        features = features_of(network, fields, slide_names(fields, slides), recipe)
        return learn_linear(network, fields, features, manifest, recipe, watch, slides)
    learnt, left_out = inner_parts(fields, manifest)[CALIBRATION_PART]
    callbacks = watch(fields.take(left_out)) if watch else ()
    if isinstance(recipe, MlpHead):
        epochs = _learn_hidden(network, spec, fields.take(learnt), recipe, callbacks)
    elif isinstance(recipe, FineTuning):
        if not spec.hidden:
            pool, start = fields.take(learnt), LinearProbe(seed=recipe.seed)
            features = features_of(network, pool, slide_names(pool, slides), start)
            _fit_head(features, fields.labels[learnt], start).put(network)
        epochs = _fine_tune(network, fields.take(learnt), recipe, work, callbacks)
    else:
        raise TypeError(f"{type(recipe).__name__} is no method that networks are trained by")
    embeddings, logits = embed(network, fields.images)
    # Here too, since of what has diverged no distance and no temperature can be told.
    demand_learnt(fields.labels[left_out], softmax(logits[left_out], 1), fields.label_ids)
    in_distribution = embeddings[learnt, : _looked_at(network)]
    distance = out_of_distribution.fit(in_distribution, fields.labels[learnt], _rank(len(learnt)))
    return calibrated(
        network, distance, epochs, logits[left_out], fields.labels[left_out], distance.score(embeddings[left_out])
    )


def slide_names(fields: Fields, slides: Mapping[str, str] | None) -> list[str]:
    """Name each field's slide; where none is known, a label's fields are taken for one."""
    return [slides[key] if slides else key.split("/")[0] for key in fields.keys]


def answer(learned: Learned, standard: Floats, logits: Floats) -> tuple[Floats, Floats, Floats | None]:
    """Answer as the served graph does, for embeddings and logits of its network.

    Parameters
    ----------
    learned : Learned
        Of ``learn`` or ``learn_linear``.
    standard : float32[n, d]
        Embeddings, as the graph gives them.
    logits : float32[n, labels]
        Of the network's last layer.

    Returns
    -------
    (float32[n, labels], float32[n], float32[n] or None)
        Probabilities, out-of-distribution scores, and log2 of the magnification where it is estimated.
    """
    distance, readings = learned.distance.score(standard), learned.readings
    if readings is None:
        return softmax(logits / learned.temperature, 1), distance, None
    ood_score = readings.distance_share * distance + readings.ood.of(standard)
    scaled_logits = logits / learned.temperature
    probabilities = (
        join(scaled_logits, readings.triage.of(standard), readings.sides)
        if readings.triage
        else softmax(scaled_logits, 1)
    )
    magnification = readings.magnification.of(standard).astype(np.float32) if readings.magnification else None
    return probabilities, ood_score.astype(np.float32), magnification


def learn_linear(
    network: keras.Model,
    fields: Fields,
    features: Features,
    manifest: Manifest,
    recipe: LinearProbe,
    watch: Watch | None = None,
    slides: Mapping[str, str] | None = None,
    *,
    examined: bool = False,
) -> Learned:
    """Fit a linear head on features of the frozen backbone, cross-fitted; sets the network's last layers.

    Parameters
    ----------
    network : keras.Model
        Of ``classifier.build``, its backbone as the features were computed with.
    fields, features, manifest, recipe, watch, slides
        As for ``learn``; ``watch`` is shown the head of one part, as if after an epoch.
    examined : bool
        Whether each collection of strangers is held against a gate that learnt from the others alone.
    """
    embeddings, labels = features.embeddings, fields.labels
    pool = network.get_layer("embedding")
    if slides and fields.classes and features.strangers and isinstance(pool, StainPool):
        on_slides = learn_on_slides(
            features, labels, slide_names(fields, slides), int(pool.colours), recipe, fields.classes
        )
        if on_slides is not None:
            on_slides.head.put(network)
            if watch:
                _show(network, watch(fields.take(inner_parts(fields, manifest)[CALIBRATION_PART][1])))
            return Learned(
                network,
                on_slides.temperature,
                on_slides.numbers.minimum_probability,
                on_slides.numbers.threshold,
                on_slides.distance,
                [],
                on_slides.readings,
                on_slides.numbers,
                examine_gate(features, on_slides) if examined else {},
            )
    logits, scores = np.full((len(fields), labels.max() + 1), np.nan, np.float32), np.full(len(fields), np.nan)
    for part, (learnt, left_out) in enumerate(inner_parts(fields, manifest)):
        head, distance = _fit_linear(network, features.take(learnt), labels[learnt], recipe)
        logits[left_out] = head.logits(embeddings[left_out])
        scores[left_out] = distance.score(_as_served(network, head, embeddings[left_out]))
        if watch and part == CALIBRATION_PART:
            head.put(network)
            _show(network, watch(fields.take(left_out)))
    head, distance = _fit_linear(network, features, labels, recipe)
    head.put(network)
    return calibrated(network, distance, [], logits, labels, scores)


def inner_parts(fields: Fields, manifest: Manifest) -> list[tuple[Positions, Positions]]:
    """Cut fields into contiguous parts, or told groups: positions to learn from and to ask about, each field once."""
    if manifest.groups is not None:
        parts = grouped_parts(fields.labels, [manifest.groups[key] for key in fields.keys])
        if len(parts) <= CALIBRATION_PART:
            raise DataError("a class lies in fewer than three groups: add images of another patient, slide or specimen")
        return parts
    keys = set(fields.keys)
    folds = contiguous_folds([record for record in manifest.records if record.key in keys])
    return [(positions(fields, fold.train), positions(fields, fold.test)) for fold in folds]


def _fit_linear(
    network: keras.Model, features: Features, labels: Positions, recipe: LinearProbe
) -> tuple[LinearHead, Mahalanobis]:
    head = _fit_head(features, labels, recipe)
    in_distribution = np.concatenate(
        [_as_served(network, head, part) for part in (features.embeddings, *features.varied)]
    )
    weights = np.repeat([1.0, *[recipe.ood_copy_weight] * len(features.varied)], len(labels))
    repeated_labels = np.tile(labels, 1 + len(features.varied))
    return head, out_of_distribution.fit(
        in_distribution[:, : _looked_at(network)], repeated_labels, _rank(len(labels)), weights
    )


def _as_served(network: keras.Model, head: LinearHead, pooled: Floats) -> Floats:
    """Give the embeddings that the served graph will: only a pool by stain standardises what it pools."""
    return head.standardise(pooled) if isinstance(network.get_layer("embedding"), StainPool) else pooled


def _looked_at(network: keras.Model) -> int | None:
    """Tell how many of the embedding's numbers, from the first on, say how strange a field is; None for all.

    Of what is pooled by stain, those of the views in colour: in grey, another laboratory's leukocytes look known.
    """
    pool = network.get_layer("embedding")
    return int(pool.colours) if isinstance(pool, StainPool) else None


def _fit_head(features: Features, labels: Positions, recipe: LinearProbe) -> LinearHead:
    return fit_linear_head(features.turned, features.varied, labels, features.densities, recipe)


def _learn_hidden(
    network: keras.Model,
    spec: Backbone,
    fields: Fields,
    recipe: MlpHead,
    callbacks: Sequence[keras.callbacks.Callback],
) -> list[dict[str, float]]:
    """Train a head of several layers on the frozen backbone's features, and set the network's."""
    fitted = fit_head(network.name, embed(network, fields.images)[0], fields.labels, recipe)
    for name in layer_names(spec):
        network.get_layer(name).set_weights(fitted.head.get_layer(name).get_weights())
    _show(network, callbacks)
    return fitted.epochs


def _fine_tune(
    network: keras.Model,
    fields: Fields,
    recipe: FineTuning,
    work: Path,
    callbacks: Sequence[keras.callbacks.Callback],
) -> list[dict[str, float]]:
    """Train the whole network, in halves by a twin that computes so: what is served and measured is of float32."""
    if recipe.precision == "float32":
        return fit(network, fields, recipe, work, callbacks)
    twin = classifier.build(network.name, fields.class_count, imagenet=False, precision=recipe.precision)
    twin.set_weights(network.get_weights())
    epochs = fit(twin, fields, recipe, work, callbacks)
    network.set_weights(twin.get_weights())
    return epochs


def _show(network: keras.Model, callbacks: Sequence[keras.callbacks.Callback]) -> None:
    """Let callbacks measure what was trained without Keras's loop."""
    for callback in callbacks:
        callback.set_model(network)
        callback.on_train_begin()
        callback.on_epoch_end(0, {})
        callback.on_train_end()


def calibrated(
    network: keras.Model,
    distance: Mahalanobis,
    epochs: list[dict[str, float]],
    logits: Floats,
    labels: Positions,
    scores: Floats,
) -> Learned:
    """Put a network together with how sure it may be.

    Parameters
    ----------
    network, distance, epochs
        As in ``Learned``.
    logits, labels, scores : float32[n, labels], int64[n], float32[n]
        Answers to fields that whoever answered did not learn from, their truth, and how strange each was.
    """
    temperature = calibration.temperature(logits, labels)
    return Learned(
        network,
        temperature,
        calibration.minimum_probability(logits, labels, temperature),
        float(np.quantile(scores, OOD_QUANTILE)),
        distance,
        epochs,
    )


def _rank(fields: int) -> int:
    return min(OOD_RANK, fields // 4)
