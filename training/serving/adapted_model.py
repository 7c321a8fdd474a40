"""From a head on a base model's embedding to a whole model file: the same network, with other last layers."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from inference import Classifier, ModelCard, ModelError
from training.models import classifier
from training.models.adapted_head import Adapted
from training.models.backbones import BACKBONES
from training.models.base_statistics import BaseStatistics
from training.models.learners import Learned
from training.models.recipes import HIDDEN_LAYERS
from training.models.scale_bar_mask import hide_scale_bar
from training.models.stain_pooling import WAYS
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


def network_of(card: ModelCard, classes: int, ways: Sequence[str] = WAYS) -> keras.Model:
    """Build the base's network with a head for so many classes, that counts places in so many ways."""
    return classifier.build(card.backbone, classes, ways=ways)


def widths_of(network: keras.Model) -> list[int]:
    """Tell how many statistics one way of counting places gives, how many two, and so on: up to the network's all."""
    pool = network.get_layer("embedding")
    return [pool.output.shape[-1] // len(pool.ways) * (1 + place) for place in range(len(pool.ways))]


def compose(card: ModelCard, adapted: Adapted, classes: int, width: int) -> tuple[Learned, tf.Module, bytes]:
    """Put an adapted head on the base's network.

    Parameters
    ----------
    card : ModelCard
        Of the base.
    adapted : Adapted
        Fitted on the embeddings of its network.
    classes : int
        How many.
    width : int
        Statistics of one way of counting places.

    Returns
    -------
    (Learned, tf.Module, bytes)
        What was learnt on the network, the graph that is served, and its TFLite file.
    """
    network = network_of(card, classes, WAYS[: adapted.setting.width // width])
    adapted.head.put(network)
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


def demand_frozen(
    network: keras.Model, images: NDArray[np.uint8], file: Classifier, statistics: BaseStatistics | None
) -> None:
    """Refuse a base whose file does not embed as its network, untrained, does: what it lends would be of another.

    Parameters
    ----------
    network : keras.Model
        Of ``network_of``.
    images : uint8[n, 224, 224, 3]
        Some dozen.
    file : Classifier
        The base, as it is served.
    statistics : BaseStatistics, optional
        What the base lends.

    Raises
    ------
    ModelError
        It is not the network that its card names, as after fine-tuning, or lends what it does not embed.
    """
    probes = np.concatenate([images[:PROBES], 255 - images[:PROBES]])
    width = widths_of(network)[0]
    embeddings = np.stack([file.run(probe).embedding[:width] for probe in probes])
    pooled_by = keras.Model(network.input, network.get_layer("embedding").output)
    # Traced: layer by layer takes twice the time.
    pool = tf.function(lambda image: pooled_by(hide_scale_bar(image)), autograph=False)
    pooled = np.concatenate([np.asarray(pool(tf.cast(one[None], tf.float32))) for one in probes])
    centre, spread = _standardisation(pooled[:, :width], embeddings, network.name)
    if statistics is not None and (
        len(statistics.centre) != width
        or np.abs((statistics.centre - centre) / spread).max() > LARGEST_DIFFERENCE
        or np.abs(statistics.spread / spread - 1).max() > LARGEST_DIFFERENCE
    ):
        raise ModelError("the base's statistics.npz is not of what its file embeds: make the base again")


def _standardisation(pooled: Floats, embeddings: Floats, name: str) -> tuple[Floats, Floats]:
    """Read back by which mean and deviation a base standardises what its network pools: float32[d] each."""
    if pooled.shape[1] != embeddings.shape[1]:
        raise ModelError("the base's embedding has another width than its network: train the base again")
    offsets = embeddings - embeddings.mean(0)
    spread = ((pooled - pooled.mean(0)) * offsets).sum(0) / np.maximum((offsets**2).sum(0), 1e-12)
    spread = np.where((offsets**2).sum(0) > 1e-8, spread, 1.0)
    centre = pooled.mean(0) - spread * embeddings.mean(0)
    difference = np.abs((pooled - centre) / np.where(spread == 0, 1.0, spread) - embeddings).max()
    if not (difference <= LARGEST_DIFFERENCE and (spread > 0).all()):
        raise ModelError(
            f"the base's file does not embed as a frozen {name} does (off by {difference:.2g} deviations): "
            "its network was trained on; give a base with a linear head on the frozen network, as models/default is"
        )
    return centre.astype(np.float32), spread.astype(np.float32)
