"""A base as ``train`` leaves one, of a network that a test chooses: a linear head, and the statistics that it lends."""

from pathlib import Path

import keras
import numpy as np

from training.data.classes import labels_of, read_classes
from training.data.synthetic import draw_field
from training.models import base_statistics, out_of_distribution
from training.models.base_statistics import BaseStatistics
from training.models.features import Features, FrozenEmbedder
from training.models.linear_probe import LinearHead
from training.models.tflite import convert
from training.serving.graph import ServedClassifier
from training.serving.model_folder import make_card, release

CLASSES = read_classes()
LABELS = np.arange(24) % len(CLASSES)
IMAGES = np.stack([draw_field(CLASSES[label].id, seed) for seed, label in enumerate(LABELS)])


def write_base(folder: Path, network: keras.Model) -> None:
    """Write a model folder of a network with a linear head, standardised as its fields are."""
    embeddings = FrozenEmbedder(network).embed(IMAGES)[0]
    rng = np.random.default_rng(0)
    width = embeddings.shape[1]
    spread = np.maximum(embeddings.std(0), 1e-3)
    head = LinearHead(
        rng.normal(0, 0.1, (width, len(CLASSES))).astype(np.float32),
        np.zeros(len(CLASSES), np.float32),
        embeddings.mean(0),
        spread,
    )
    head.put(network)
    distance = out_of_distribution.fit(head.standardise(embeddings), LABELS, 4)
    content = convert(ServedClassifier(network, 1.0, distance), folder.parent / "saved")
    beside = {base_statistics.FILE_NAME: _statistics_of(network).content}
    card = make_card(
        content,
        version="0.0.1",
        backbone=network.name,
        classes=CLASSES,
        temperature=1.0,
        minimum_probability=0.5,
        threshold=5.0,
        quantile=0.99,
        training=base_statistics.told(beside),
    )
    release(content, card, folder, lambda file: {}, beside=beside)


def _statistics_of(network: keras.Model) -> BaseStatistics:
    """Take what a network with its head lends, with negatives of its fields as strangers."""
    embedder = FrozenEmbedder(network)
    embeddings = embedder.embed(IMAGES)
    none = np.empty((0, embeddings.shape[-1]), np.float32)
    features = Features(
        embeddings,
        none[None],
        np.zeros(len(IMAGES), np.float32),
        none,
        none[:, 0],
        np.empty((0, 1), np.int64),
        {"negatives": embedder.embed(255 - IMAGES)[0]},
    )
    slides = [f"S{place % 3}" for place in range(len(IMAGES))]
    return base_statistics.statistics_of(features, LABELS, slides, LinearHead.of(network), labels_of(CLASSES))
