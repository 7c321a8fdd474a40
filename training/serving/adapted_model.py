"""From a head on a base model's embedding to a whole model file: the same network, with other last layers."""

import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from inference import Classifier, ModelCard, ModelError
from training.models import classifier
from training.models.adapted_head import Adapted
from training.models.backbones import BACKBONES
from training.models.learners import Learned
from training.models.linear_probe import LinearHead
from training.models.recipes import HIDDEN_LAYERS
from training.models.scale_bar_mask import hide_scale_bar
from training.models.stain_pooling import StainPool
from training.models.tflite import convert
from training.serving.graph import serve

PROBES = 8
"""Images, and as many with colours turned round, on which base and network are compared and from which the base's
standardisation is read back: pictures so unlike that every statistic differs."""
LARGEST_DIFFERENCE = 0.02
"""In standard deviations of an embedding's number; kernels that add up in another order differ by some 1e-4."""

Floats = NDArray[np.float32]


def demand_base(card: ModelCard, folder: Path) -> None:
    """Refuse a base that no head of one's own can be put on.

    Raises
    ------
    ModelError
        Says what such a base must be.
    """
    spec = BACKBONES.get(card.backbone)
    if spec is None or HIDDEN_LAYERS.get(card.backbone) or not spec.depths:
        raise ModelError(
            f"{folder} is a {card.backbone}, on which no own head can be put: give a base whose backbone is one of "
            f"{', '.join(name for name, one in BACKBONES.items() if one.depths)}, as models/default is"
        )
    if (card.input.height, card.input.width) != (224, 224):
        raise ModelError(
            f"{folder} takes images of {card.input.width} x {card.input.height}, and its network 224 x 224: give a "
            "base of that input, as models/default is"
        )


def network_of(card: ModelCard, classes: int) -> keras.Model:
    """Build the base's network with a head for so many classes; its layer ``embedding`` tells ``colours``."""
    return classifier.build(card.backbone, classes)


def compose(
    card: ModelCard, network: keras.Model, adapted: Adapted, images: NDArray[np.uint8], file: Classifier
) -> tuple[Learned, tf.Module, bytes]:
    """Put an adapted head on the base's network.

    Parameters
    ----------
    card : ModelCard
        Of the base.
    network : keras.Model
        Of ``network_of``; its last layers are set.
    adapted : Adapted
        Fitted on the embeddings that the base's file gives.
    images : uint8[n, 224, 224, 3]
        Some dozen.
    file : Classifier
        The base, as it is served.

    Returns
    -------
    (Learned, tf.Module, bytes)
        What was learnt on its network, the graph that is served, and its TFLite file.

    Raises
    ------
    ModelError
        The base's network is not the one that its card names, as after fine-tuning.
    """
    probes = np.concatenate([images[:PROBES], 255 - images[:PROBES]])
    embeddings = np.stack([file.run(probe).embedding for probe in probes])
    centre, spread = _standardisation(network, probes, embeddings)
    head = adapted.head
    LinearHead(head.kernel, head.bias, centre + spread * head.centre, spread * head.spread).put(network)
    learned = Learned(
        network,
        adapted.temperature,
        adapted.numbers.minimum_probability,
        adapted.numbers.threshold,
        adapted.distance,
        [],
        adapted.readings,
        adapted.numbers,
    )
    graph = serve(learned, BACKBONES[card.backbone])
    with tempfile.TemporaryDirectory() as scratch:
        return learned, graph, convert(graph, Path(scratch, "saved_model"))


def _standardisation(network: keras.Model, images: NDArray[np.uint8], embeddings: Floats) -> tuple[Floats, Floats]:
    """Read back by which mean and deviation the base standardises what this network pools: float32[d] each."""
    pool = network.get_layer("embedding")
    if not isinstance(pool, StainPool):
        raise ModelError("the base's network does not pool by stain: give a base as models/default is")
    pooled_by = keras.Model(network.input, pool.output)
    pooled = np.concatenate([np.asarray(pooled_by(hide_scale_bar(tf.cast(one[None], tf.float32)))) for one in images])
    if pooled.shape[1] != embeddings.shape[1]:
        raise ModelError("the base's embedding has another width than its network: train the base again")
    offsets = embeddings - embeddings.mean(0)
    spread = ((pooled - pooled.mean(0)) * offsets).sum(0) / np.maximum((offsets**2).sum(0), 1e-12)
    spread = np.where((offsets**2).sum(0) > 1e-8, spread, 1.0)
    centre = pooled.mean(0) - spread * embeddings.mean(0)
    difference = np.abs((pooled - centre) / np.where(spread == 0, 1.0, spread) - embeddings).max()
    if not (difference <= LARGEST_DIFFERENCE and (spread > 0).all()):
        raise ModelError(
            f"the base's file does not embed as a frozen {network.name} does (off by {difference:.2g} deviations): "
            "its network was trained on; give a base with a linear head on the frozen network, as models/default is"
        )
    return centre.astype(np.float32), spread.astype(np.float32)
