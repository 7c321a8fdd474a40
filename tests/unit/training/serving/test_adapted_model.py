"""A base lends its network: only one that embeds as the network of its name does, untrained."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from inference import Classifier, ModelError, load
from training.data.classes import read_classes
from training.data.synthetic import draw_field
from training.models import base_statistics, classifier, out_of_distribution
from training.models.base_statistics import BaseStatistics
from training.models.features import Features, FrozenEmbedder
from training.models.linear_probe import LinearHead
from training.models.tflite import convert
from training.serving.adapted_model import demand_frozen, network_of
from training.serving.graph import ServedClassifier
from training.serving.model_folder import make_card, release

CLASSES = read_classes()
LABELS = np.arange(24) % len(CLASSES)
IMAGES = np.stack([draw_field(CLASSES[label].id, seed) for seed, label in enumerate(LABELS)])


def write_base(folder: Path, network: keras.Model) -> Classifier:
    """Write a model folder of a network with a linear head, standardised as its fields are; gives it as served."""
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
    card = make_card(
        content,
        version="0.0.1",
        backbone=network.name,
        classes=CLASSES,
        temperature=1.0,
        minimum_probability=0.5,
        threshold=5.0,
        quantile=0.99,
        training={},
    )
    release(content, card, folder, lambda file: {})
    return load(folder)


def statistics_of(network: keras.Model) -> BaseStatistics:
    embeddings = FrozenEmbedder(network).embed(IMAGES)
    none = np.empty((0, embeddings.shape[-1]), np.float32)
    features = Features(embeddings, none[None], np.zeros(24, np.float32), none, none[:, 0], np.empty((0, 1), np.int64))
    slides = [f"S{one % 3}" for one in range(24)]
    return base_statistics.statistics_of(features, LABELS, slides, LinearHead.of(network), [one.id for one in CLASSES])


def test_a_base_whose_network_is_frozen_lends_it_with_its_own_statistics(small_lite0: str, tmp_path: Path) -> None:
    network = classifier.build(small_lite0, len(CLASSES))
    file = write_base(tmp_path / "base", network)
    own, lent = network_of(file.card, 2), statistics_of(network)
    demand_frozen(own, IMAGES, file, None)
    demand_frozen(own, IMAGES, file, lent)
    with pytest.raises(ModelError, match=r"statistics\.npz is not of what its file embeds: make the base again"):
        demand_frozen(own, IMAGES, file, replace(lent, spread=lent.spread * 1.1))


def test_a_base_whose_network_was_trained_on_is_refused(small_lite0: str, tmp_path: Path) -> None:
    network = classifier.build(small_lite0, len(CLASSES))
    features = network.get_layer("features")
    features.set_weights([one * 1.05 if one.ndim == 4 else one for one in features.get_weights()])
    file = write_base(tmp_path / "base", network)
    with pytest.raises(ModelError, match=r"its network was trained on; give a base with a linear head"):
        demand_frozen(network_of(file.card, 2), IMAGES, file, None)
