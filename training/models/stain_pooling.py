"""Where the nuclei are, and what feature maps say there: the pool that a classifier of cells needs.

A mean over a whole field mostly tells its background and how many cells lie in it, and both belong to the slide. Here
each place counts as much as it is stained, nuclei some forty times as much as background: little of what is found
depends on how many cells there are, and the red cells around still have a say. Each field is seen twice: in colour,
which knows more on slides that are known, and in grey, which holds where the stain is another. A smear has no upside:
heads are fitted on fields in several ``TURNS``, each as a row of its own, and asked about a field as it came, which
costs one look where an average over turns costs four
(docs/decisions/100-stained-places-of-a-frozen-network.md, docs/decisions/120-turns-belong-into-the-fit.md).
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from training.data.labels import INPUT_SIDE_PX
from training.data.scale_bar import LEFT_PX, TOP_PX

BACKGROUND_LEVEL = 240.0
"""What each channel of the background is brought to."""
STAINED = (22.0, 5.0)
"""Nuclei are purple: (red + blue) / 2 - green, on a balanced field, is over 30 in most of them, over 20 in pale ones
and in the cytoplasm around, and under in most red cells, seen on fields of all four labels. Half a weight at the first
number, by a logistic curve of the second's width."""
NUCLEI = (30.0, 8.0)
"""The same, of the nuclei that stain well: what tells how densely cells lie."""
FLOOR = 1e-3
"""Weight of what is not stained at all, so that a field without any cell has a mean too."""
VARIANCE_FLOOR = 1e-4

GROUPS = {"colour": 4, "grey": 5}
"""The views, set side by side; of each, the first so many depths are pooled. The last of EfficientNet-Lite0's five, in
colour, knows the slide: with it the hard fold loses 0.03 (docs/evaluation.md)."""
VIEWS = tuple(GROUPS)
WAYS = ("stain", "centre", "plain")
"""How places may count, each with statistics of its own from the same maps: as they are stained; as they are stained,
those in the middle more; all alike. The first is what fields of many cells are pooled by, and comes first. Where an
image is one cell, the neighbours at its margin are not what it is labelled for, and what its whole says counts too
(docs/decisions/260-single-cells-are-pooled-three-ways.md)."""
MIDDLE = 0.35
"""Standard deviation of ``centre``'s weights, in halves of a side."""
TURNS = ((False, False), (False, True), (True, False), (True, True))
"""Each as (upside down, rows and columns exchanged): the turns whose rows a head is fitted on, as it came first."""


def views_at(depth: int) -> list[str]:
    """Name the views whose maps of a depth, from 0 on, are pooled."""
    return [group for group, known in GROUPS.items() if depth < known]


def width_of(group: str, channels: Sequence[int]) -> int:
    """Tell how many statistics a group has, a mean and a deviation a channel, for the channels of every depth."""
    return 2 * sum(channels[: GROUPS[group]])


def mix(images: tf.Tensor, weights: Sequence[Sequence[float]]) -> tf.Tensor:
    """Mix channels: float32[n, h, w, 3] to float32[n, h, w, k] for k rows of 3 weights.

    A convolution, since the served runtime computes means over channels one by one.
    """
    return tf.nn.conv2d(images, np.asarray(weights, np.float32).T[None, None], 1, "VALID")


def balance(images: tf.Tensor) -> tf.Tensor:
    """Bring each field's background to the same white: float32[n, 224, 224, 3] in 0 to 255 to the same."""
    # The background is what is brightest: its colour is the mean of all pixels, weighed by brightness to the twelfth
    # power, which is computed by products, since the served runtime's power takes a millisecond a field.
    second = mix(images, [[1 / 765] * 3]) ** 2
    fourth = second * second
    weights = fourth * fourth * fourth + 1e-9
    background = tf.reduce_mean(images * weights, [1, 2], keepdims=True) / tf.reduce_mean(
        weights, [1, 2], keepdims=True
    )
    return tf.clip_by_value(images * (BACKGROUND_LEVEL / tf.maximum(background, 1.0)), 0.0, 255.0)


def stain_weights(images: tf.Tensor, stain: tuple[float, float] = STAINED) -> tf.Tensor:
    """Tell how much each pixel is stained as nuclei are.

    Parameters
    ----------
    images : float32[n, 224, 224, 3]
        Fields in 0 to 255; the corner of the scale bar counts for nothing.
    stain : (float, float)
        Where half a weight begins, and how soon: ``STAINED`` or ``NUCLEI``.

    Returns
    -------
    float32[n, 224, 224, 1]
        From 0 to 1.
    """
    purple = mix(balance(images), [[0.5, -1.0, 0.5]])
    rows, columns = np.arange(INPUT_SIDE_PX) < TOP_PX, np.arange(INPUT_SIDE_PX) < LEFT_PX
    outside_corner = (rows[:, None] | columns[None, :]).astype(np.float32)[None, :, :, None]
    middle, width = stain
    return tf.sigmoid((purple - middle) / width) * outside_corner


def weigh(images: tf.Tensor, ways: Sequence[str] = WAYS[:1]) -> list[tf.Tensor]:
    """Tell how much each pixel counts in each way: fields in 0 to 255 to float32[n, 224, 224, 1] a way of ``WAYS``."""
    stained = stain_weights(images)
    from_middle = np.linspace(-1, 1, INPUT_SIDE_PX, dtype=np.float32) ** 2
    middle = np.exp(-(from_middle[:, None] + from_middle[None, :]) / (2 * MIDDLE**2)).astype(np.float32)
    weights = {"stain": stained, "centre": stained * middle[None, :, :, None], "plain": tf.ones_like(stained)}
    return [weights[way] for way in ways]


def see(images: tf.Tensor) -> tf.Tensor:
    """Give both views of fields, float32[n, 224, 224, 3] to float32[2 n, 224, 224, 3]: those in colour first."""
    return tf.concat([images, mix(balance(images), [[1 / 3] * 3] * 3)], 0)


def turn(images: tf.Tensor, flip: bool, swap: bool) -> tf.Tensor:
    """Turn as one of ``TURNS`` says: float32[n, h, w, c], h = w, to the same shape."""
    flipped = images[:, ::-1] if flip else images
    return tf.transpose(flipped, [0, 2, 1, 3]) if swap else flipped


def shares(weights: tf.Tensor, maps: tf.Tensor) -> tf.Tensor:
    """Share each field's weight out among the places of a feature map: float32[n, h, w, 1], each field's sum 1."""
    stride = weights.shape[1] // maps.shape[1]
    coarse = tf.nn.avg_pool2d(weights, stride, stride, "VALID") + FLOOR
    return coarse / tf.reduce_sum(coarse, [1, 2], keepdims=True)


def statistics(maps: tf.Tensor, share: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Give mean and standard deviation of each channel, weighed by ``shares``: float32[n, c] each."""
    mean = tf.reduce_sum(maps * share, [1, 2])
    variance = tf.nn.relu(tf.reduce_sum(maps * maps * share, [1, 2]) - mean * mean)
    return mean, tf.sqrt(variance + VARIANCE_FLOOR)


def pool_views(ways: Sequence[tf.Tensor], depths: Sequence[tf.Tensor]) -> tf.Tensor:
    """Pool the maps of all views and depths.

    Parameters
    ----------
    ways : sequence of float32[n, 224, 224, 1]
        Of ``weigh``, turned as the views were.
    depths : sequence of float32[n views, h, w, c]
        Of each depth, the maps of ``views_at``, view by view.

    Returns
    -------
    float32[n, d]
        For each way, for each of ``GROUPS``, means then deviations of each depth in order.
    """
    return tf.concat([_pool_one_way(weights, depths) for weights in ways], -1)


def _pool_one_way(weights: tf.Tensor, depths: Sequence[tf.Tensor]) -> tf.Tensor:
    pooled: dict[str, list[tf.Tensor]] = {group: [] for group in GROUPS}
    for depth, maps in enumerate(depths):
        views = views_at(depth)
        share = shares(weights, maps)
        for group, view_maps in zip(views, tf.split(maps, len(views)), strict=True):
            pooled[group] += statistics(view_maps, share)
    return tf.concat([part for group in GROUPS for part in pooled[group]], -1)


@keras.saving.register_keras_serializable(package="leukolens")
class FieldViews(keras.layers.Layer):
    """``see`` as a layer."""

    def call(self, fields: Any) -> Any:
        """Give both views of each field."""
        return see(fields)

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Tell the shape before anything is computed."""
        return (None if shape[0] is None else shape[0] * len(VIEWS), *shape[1:])


@keras.saving.register_keras_serializable(package="leukolens")
class DeeperViews(keras.layers.Layer):
    """Let go of the views of which nothing is pooled from a depth on: the rest of the way is not computed.

    Called with the maps of the depth before; gives those of the views that go on.

    Parameters
    ----------
    depth : int
        From 1 on.
    """

    def __init__(self, depth: int, **options: Any) -> None:
        super().__init__(**options)
        self.depth = depth

    def call(self, maps: Any) -> Any:
        """Keep the views that are pooled at this depth."""
        before, after = views_at(self.depth - 1), views_at(self.depth)
        if before == after:
            return maps
        views = tf.split(maps, len(before))
        return tf.concat([views[before.index(group)] for group in after], 0)

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Tell the shape before anything is computed."""
        return (None, *shape[1:])

    def get_config(self) -> dict[str, Any]:
        """Tell what it was made with."""
        return {**super().get_config(), "depth": self.depth}


@keras.saving.register_keras_serializable(package="leukolens")
class StainPool(keras.layers.Layer):
    """``pool_views`` as a layer that standardises what comes out.

    Called with the fields, float32[n, 224, 224, 3] in 0 to 255, and each depth's maps of ``views_at``; gives
    float32[n, d]. ``standardise`` sets what is subtracted and divided by, which training does not change. ``colours``
    is how many statistics come first, of the view in colour.

    Parameters
    ----------
    ways : sequence of str
        Of ``WAYS``: how places count.
    """

    def __init__(self, ways: Sequence[str] = WAYS[:1], **options: Any) -> None:
        super().__init__(**options)
        self.ways = tuple(ways)

    def get_config(self) -> dict[str, Any]:
        """Tell what it was made with."""
        return {**super().get_config(), "ways": list(self.ways)}

    def build(self, shapes: list[tuple[int, ...]]) -> None:
        """Make the two constants, for as many statistics as the maps have."""
        width = self._width(shapes)
        self.colours = width_of("colour", [shape[-1] for shape in shapes[1:]])
        self.centre = self.add_weight(shape=(width,), initializer="zeros", trainable=False, name="centre")
        self.spread = self.add_weight(shape=(width,), initializer="ones", trainable=False, name="spread")

    def call(self, inputs: list[Any]) -> Any:
        """Pool and standardise."""
        fields, *depths = inputs
        return (pool_views(weigh(fields, self.ways), depths) - self.centre) / self.spread

    def compute_output_shape(self, shapes: list[tuple[int, ...]]) -> tuple[int | None, int]:
        """Tell the shape before anything is computed."""
        return shapes[0][0], self._width(shapes)

    def standardise(self, centre: Any, spread: Any) -> None:
        """Set mean and standard deviation of every statistic: float32[d] each."""
        self.centre.assign(centre)
        self.spread.assign(spread)

    def _width(self, shapes: list[tuple[int, ...]]) -> int:
        channels = [shape[-1] for shape in shapes[1:]]
        return len(self.ways) * sum(width_of(group, channels) for group in GROUPS)
