"""Cached features, the head on them, and the file that both become."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from training.data.classes import labels_of, read_classes
from training.data.dataset import Fields
from training.data.manifest import Manifest, Record
from training.models import classifier, learners, out_of_distribution
from training.models.backbones import BACKBONES
from training.models.feature_cache import FrozenBackbone, cached_features
from training.models.features import Features
from training.models.heads import build_head
from training.models.learners import learn_linear
from training.models.learnt import DivergedError
from training.models.linear_probe import LinearHead
from training.models.mlp_head import FittedHead, fit_head
from training.models.recipes import LinearProbe, MlpHead
from training.models.tflite import convert
from training.serving.mlp_graph import ServedMaxima

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (3, 224, 224, 3), np.uint8)


@pytest.fixture
def backbone(tiny_backbone: str) -> FrozenBackbone:
    return FrozenBackbone(tiny_backbone)


@pytest.fixture
def fitted(backbone: FrozenBackbone) -> FittedHead:
    """Fit a head to 200 points that lie in four clusters."""
    embeddings, labels = clusters()
    return fit_head(backbone.name, embeddings, labels, MlpHead(batch_size=16, epochs=12))


def clusters() -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(200) % 4
    centres = np.random.default_rng(1).gamma(1.0, 1.0, (4, 12))
    points = centres[labels] + np.random.default_rng(2).normal(0, 0.1, (200, 12))
    return np.maximum(points, 0).astype(np.float32), labels


def test_vgg16_has_the_parameters_of_the_project_that_this_grew_from() -> None:
    backbone = FrozenBackbone("vgg16", imagenet=False)
    whole = backbone.classifier(build_head(backbone.spec, 512, 4))
    assert whole.count_params() == 14_888_380
    assert sum(int(np.prod(weights.shape)) for weights in whole.trainable_weights) == 173_692
    widths = [whole.get_layer(name).units for name in ("hidden_1", "hidden_2", "hidden_3", "hidden_4", "hidden_5")]
    assert [whole.get_layer("embedding").output.shape[-1], *widths] == [512, 256, 128, 64, 16, 8]


def test_the_whole_network_answers_as_head_on_features(backbone: FrozenBackbone, fitted: FittedHead) -> None:
    from training.models.scale_bar_mask import hide_scale_bar

    whole = backbone.classifier(fitted.head)
    expected = whole(hide_scale_bar(IMAGES.astype(np.float32)), training=False)
    np.testing.assert_allclose(fitted.logits(backbone.embed(IMAGES)), expected, atol=1e-4)


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop"])
def test_a_head_learns_what_can_be_learnt(tiny_backbone: str, optimizer: str) -> None:
    embeddings, labels = clusters()
    fitted = fit_head(tiny_backbone, embeddings, labels, MlpHead(optimizer=optimizer, batch_size=16, epochs=40))
    assert (fitted.logits(embeddings).argmax(1) == labels).mean() > 0.95
    assert fitted.epochs[-1]["loss"] < fitted.epochs[0]["loss"]


def test_the_same_seed_gives_the_same_head(fitted: FittedHead) -> None:
    embeddings, labels = clusters()
    again = fit_head("tiny", embeddings, labels, MlpHead(batch_size=16, epochs=12))
    np.testing.assert_allclose(again.logits(embeddings), fitted.logits(embeddings), atol=1e-3)


def test_a_loss_that_is_no_number_is_an_error() -> None:
    embeddings, labels = clusters()
    with pytest.raises(DivergedError, match=r"epoch 1: .*take another --optimizer"):
        fit_head("efficientnet-lite0", np.full_like(embeddings, np.nan), labels, MlpHead(optimizer="sgd", epochs=1))


class Counting:
    """Stands before a backbone and counts the batches that it computes; breaks off after some."""

    def __init__(self, backbone: FrozenBackbone, batches: int) -> None:
        self.name, self.digest, self.left, self.embed_ = backbone.name, backbone.digest, batches, self._cheap
        self.computed = 0

    @property
    def embed(self) -> Callable[[np.ndarray], np.ndarray]:
        return self.embed_

    def _cheap(self, images: np.ndarray) -> np.ndarray:
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        self.computed += 1
        return images.reshape(len(images), -1)[:, :8].astype(np.float32)


def test_features_are_computed_once_and_an_interrupted_pass_goes_on(backbone: FrozenBackbone, tmp_path: Path) -> None:
    images = RNG.integers(0, 256, (100, 8, 8, 3), np.uint8)  # four batches
    broken, whole, later = Counting(backbone, 2), Counting(backbone, 9), Counting(backbone, 0)
    with pytest.raises(KeyboardInterrupt):
        cached_features(broken, images, tmp_path, progress=False)
    first = cached_features(whole, images, tmp_path, progress=False)
    assert (broken.computed, whole.computed) == (2, 2)
    np.testing.assert_array_equal(cached_features(later, images, tmp_path, progress=False), first)
    np.testing.assert_array_equal(first, images.reshape(100, -1)[:, :8])
    assert [path.suffix for path in tmp_path.iterdir()] == [".npz"]


def test_other_images_or_another_corner_are_other_features(backbone: FrozenBackbone, tmp_path: Path) -> None:
    images = RNG.integers(0, 256, (4, 8, 8, 3), np.uint8)
    cached_features(Counting(backbone, 1), images, tmp_path, progress=False)
    cached_features(Counting(backbone, 1), images[::-1], tmp_path, progress=False)
    assert len(list(tmp_path.iterdir())) == 2
    assert FrozenBackbone("tiny", hide_corner=False).digest != backbone.digest


def test_activation_maps_of_a_head_of_layers_add_up_to_its_logits(backbone: FrozenBackbone, fitted: FittedHead) -> None:
    """Mean of map k = gradient times embedding, and with the bias of this region of the head, the logit."""
    embeddings, labels = clusters()
    distance = out_of_distribution.fit(embeddings, labels, 8)
    served = ServedMaxima(backbone.classifier(fitted.head), 1.5, distance)
    outputs = served.serve(tf.constant(IMAGES[:1]))
    embedding = tf.constant(outputs["embedding"])
    np.testing.assert_allclose(embedding, backbone.embed(IMAGES[:1]), atol=1e-5)
    with tf.GradientTape() as tape:
        tape.watch(embedding)
        logits = fitted.head(embedding) / 1.5
    gradient = np.asarray(tape.jacobian(logits, embedding))[0, :, 0]  # [4, 12]
    assert np.abs(gradient).max() > 0
    means = np.asarray(outputs["activation_maps"]).mean((1, 2))[0]
    np.testing.assert_allclose(means, gradient @ np.asarray(embedding)[0], atol=1e-5)
    np.testing.assert_allclose(outputs["probabilities"], tf.nn.softmax(logits), atol=1e-6)
    np.testing.assert_allclose(outputs["out_of_distribution_score"], distance.score(np.asarray(embedding)), rtol=1e-4)


def test_the_file_of_a_head_of_layers_answers_as_its_graph(
    backbone: FrozenBackbone, fitted: FittedHead, tmp_path: Path
) -> None:
    embeddings, labels = clusters()
    graph = ServedMaxima(backbone.classifier(fitted.head), 1.5, out_of_distribution.fit(embeddings, labels, 8))
    content = convert(graph, tmp_path)
    for image in IMAGES:
        answers, expected = ask(content, image), graph.serve(tf.constant(image[None]))
        assert answers.keys() == {"probabilities", "embedding", "activation_maps", "out_of_distribution_score"}
        for name, values in answers.items():
            np.testing.assert_allclose(values, expected[name], rtol=1e-4, atol=1e-5)


def ask(content: bytes, image: np.ndarray) -> dict[str, np.ndarray]:
    runner = Interpreter(model_content=content).get_signature_runner("serving_default")
    return dict(runner(image=image[None]))


def test_a_linear_head_on_a_plain_pool_knows_the_fields_that_it_learnt_from(
    tiny_backbone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The served graph gives what the pool gives, not standardised: the OOD score must be told of that."""
    monkeypatch.setitem(BACKBONES, tiny_backbone, replace(BACKBONES[tiny_backbone], pooling="average", hidden=()))
    monkeypatch.setattr(learners, "OOD_RANK", 4)  # of 12 dimensions
    points, labels = clusters()
    points, order = 50 + 20 * points, np.argsort(labels, kind="stable")
    paths = tuple(Path(labels_of(read_classes())[label], f"{number}.png") for number, label in enumerate(labels[order]))
    fields = Fields(np.zeros((200, 1, 1, 3), np.uint8), labels[order], np.arange(200), paths)
    records = [
        Record(key=key, sha256="0" * 64, size_bytes=1, label=key[: key.index("/")], width=1, height=1, acquisition=k)
        for k, key in enumerate(fields.keys)
    ]
    none = np.empty((0, 200, 12), np.float32)
    features = Features(
        points[order][None], none, np.full(200, 0.1, np.float32), none[:, 0], none[:, 0, 0], np.empty((0, 1), np.int64)
    )
    learned = learn_linear(classifier.build(tiny_backbone, 4), fields, features, Manifest.of(records), LinearProbe())
    assert (learned.distance.score(features.embeddings) <= learned.threshold).mean() > 0.95
    read_back = LinearHead.of(learned.network).logits(features.embeddings)
    assert (read_back.argmax(1) == fields.labels).mean() > 0.95
