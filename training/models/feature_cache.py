"""A backbone that is not trained: its features, computed once and kept, so that a head on them trains in seconds."""

import hashlib
import io
import shutil
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.atomic_write import write_whole
from training.data.labels import INPUT_SIDE_PX
from training.models.backbones import BACKBONES
from training.models.heads import classify, layer_names, pool
from training.models.recipes import CACHE
from training.models.scale_bar_mask import hide_scale_bar
from training.progress import bar

BATCH = 32
"""Larger batches are no faster on two cores, and VGG16's first maps take 13 MB a field."""


class FrozenBackbone:
    """A backbone with its ImageNet weights, which stay as they are.

    Parameters
    ----------
    name : str
        A key of ``BACKBONES``.
    hide_corner : bool
        Paint over the corner with the scale bar, as the served network does. Without, the features are those of
        whoever takes the fields as they come.
    imagenet : bool
        False for random weights, where only the structure matters.
    """

    def __init__(self, name: str, *, hide_corner: bool = True, imagenet: bool = True) -> None:
        self.name, self.spec, self.hide_corner = name, BACKBONES[name], hide_corner
        self.features = self.spec.build(INPUT_SIDE_PX, INPUT_SIDE_PX)
        if imagenet:
            self.spec.load_imagenet(self.features)
        self.features.name = "features"
        self.features.trainable = False
        offset, scale = self.spec.input_offset, self.spec.input_scale
        self.scale = keras.layers.Rescaling(1 / scale, -offset / scale, name="scale")
        self._image = keras.Input((INPUT_SIDE_PX, INPUT_SIDE_PX, 3), name="image")
        self.embedder = keras.Model(self._image, pool(self.features(self.scale(self._image)), self.spec))

    @cached_property
    def digest(self) -> str:
        """Name what the features depend on apart from the images: network, weights, corner."""
        sha256 = hashlib.sha256(repr((self.name, self.spec.pooling, self.hide_corner)).encode())
        for weights in self.features.get_weights():
            sha256.update(weights.tobytes())
        return sha256.hexdigest()

    def classifier(self, head: keras.Model) -> keras.Model:
        """Put a head of ``heads.build_head`` on the backbone.

        Returns
        -------
        keras.Model
            Layers and names as ``classifier.build`` gives them: float32[batch, 224, 224, 3] in 0 to 255 to logits.
        """
        network = keras.Model(
            self._image, classify(self.embedder.output, self.spec, head.output_shape[-1]), name=self.name
        )
        for name in layer_names(self.spec):
            network.get_layer(name).set_weights(head.get_layer(name).get_weights())
        return network

    @cached_property
    def embed(self) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
        """Compute pooled features: uint8[n, 224, 224, 3] to float32[n, d]. Shapes that came before are fast."""

        @tf.function(reduce_retracing=True)
        def forward(batch: tf.Tensor) -> Any:
            fields = tf.cast(batch, tf.float32)
            return self.embedder(hide_scale_bar(fields) if self.hide_corner else fields, training=False)

        return lambda images: np.asarray(forward(tf.constant(images)))


def cached_features(
    backbone: FrozenBackbone, images: NDArray[np.uint8], cache: Path = CACHE, *, progress: bool = True
) -> NDArray[np.float32]:
    """Give the pooled features of images, from the cache where they were computed before.

    Parameters
    ----------
    backbone : FrozenBackbone
        What computes them.
    images : uint8[n, 224, 224, 3]
        Fields.
    cache : Path
        Folder of one ``<digest>.npz`` for each set of images and backbone; may be deleted at any time. A pass that was
        interrupted goes on where it stopped.
    progress : bool
        Show a bar.

    Returns
    -------
    float32[n, d]
        In the images' order.
    """
    path = cache / f"{_digest(backbone, images)}.npz"
    if path.is_file():
        with np.load(path, allow_pickle=False) as kept:
            embeddings: NDArray[np.float32] = kept["embeddings"]
        return embeddings
    embeddings = _compute(backbone, images, path.with_suffix(""), progress)
    content = io.BytesIO()
    np.savez(content, embeddings=embeddings)
    write_whole(path, content.getvalue())
    shutil.rmtree(path.with_suffix(""), ignore_errors=True)
    return embeddings


def is_begun(backbone: FrozenBackbone, images: NDArray[np.uint8], cache: Path = CACHE) -> bool:
    """Tell whether ``cached_features`` finds features kept: all of them, or those of a pass that was interrupted."""
    path = cache / f"{_digest(backbone, images)}.npz"
    return path.is_file() or path.with_suffix("").is_dir()


def _compute(backbone: FrozenBackbone, images: NDArray[np.uint8], parts: Path, progress: bool) -> NDArray[np.float32]:
    """Compute batch after batch, each kept as a file at once: an interrupted pass goes on where it stopped."""
    embeddings = []
    with bar(None, f"Features of {backbone.name}", len(images), shown=progress, unit="image") as shown:
        for start in range(0, len(images), BATCH):
            batch, part = images[start : start + BATCH], parts / f"{start}.npy"
            if part.is_file():
                embeddings.append(np.load(part, allow_pickle=False))
            else:
                embeddings.append(backbone.embed(batch))
                content = io.BytesIO()
                np.save(content, embeddings[-1])
                write_whole(part, content.getvalue())
            shown.update(len(batch))
    return np.concatenate(embeddings)


def _digest(backbone: FrozenBackbone, images: NDArray[np.uint8]) -> str:
    what = hashlib.sha256(backbone.digest.encode())
    what.update(repr(images.shape).encode())
    what.update(np.ascontiguousarray(images).data)
    return what.hexdigest()[:32]
