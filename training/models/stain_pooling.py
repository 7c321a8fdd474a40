"""Where the nuclei are, and what feature maps say there: the pool that a classifier of cells needs.

A mean over a whole field mostly tells its background and how many cells lie in it, and both belong to the slide. Here
each place counts as much as it is stained, nuclei some forty times as much as background: little of what is found
depends on how many cells there are, and the red cells around still have a say. Each field is seen in colour, which
knows more on slides that are known, and in grey, which holds where the stain is another; and each of these four times,
turned, since a smear has no upside (docs/decisions/100-stained-places-of-a-frozen-network.md, docs/evaluation.md).
"""

from collections.abc import Sequence
from itertools import product
from typing import Any

import keras
import tensorflow as tf

from training.data.labels import INPUT_SIDE_PX
from training.data.scale_bar import LEFT_PX, TOP_PX

BACKGROUND_POWER = 12
"""The background is what is brightest: its colour is the mean of all pixels weighed by brightness to this power."""
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
"""Views of a group are averaged, and the groups are set side by side; of each, the first so many depths are pooled. The
last of EfficientNet-Lite0's five, in colour, knows the slide: with it the hard fold loses 0.03 (docs/evaluation.md)."""
VIEWS = tuple(product(GROUPS, (False, True), (False, True)))
"""Each as (group, upside down, rows and columns exchanged), in this order."""


def places_of(group: str) -> list[int]:
    """Give the places in ``VIEWS`` of a group's views."""
    return [place for place, (kind, *_) in enumerate(VIEWS) if kind == group]


def views_at(depth: int) -> list[int]:
    """Give the places in ``VIEWS`` of the views whose maps of a depth, from 0 on, are pooled."""
    return [place for place, (group, *_) in enumerate(VIEWS) if depth < GROUPS[group]]


def width_of(group: str, channels: Sequence[int]) -> int:
    """Tell how many statistics a group has, a mean and a deviation a channel, for the channels of every depth."""
    return 2 * sum(channels[: GROUPS[group]])


def balance(images: tf.Tensor) -> tf.Tensor:
    """Bring each field's background to the same white: float32[n, 224, 224, 3] in 0 to 255 to the same."""
    weights = (tf.reduce_mean(images, -1, keepdims=True) / 255.0) ** BACKGROUND_POWER + 1e-9
    background = tf.reduce_sum(images * weights, [1, 2], keepdims=True) / tf.reduce_sum(weights, [1, 2], keepdims=True)
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
    balanced = balance(images)
    purple = (balanced[..., :1] + balanced[..., 2:]) / 2.0 - balanced[..., 1:2]
    rows, columns = tf.range(INPUT_SIDE_PX) < TOP_PX, tf.range(INPUT_SIDE_PX) < LEFT_PX
    seen = tf.cast(rows[:, None] | columns[None, :], tf.float32)[None, :, :, None]
    middle, width = stain
    return tf.sigmoid((purple - middle) / width) * seen


def see(images: tf.Tensor) -> tf.Tensor:
    """Give all views of fields, float32[n, 224, 224, 3] to float32[8 n, 224, 224, 3]: those of ``VIEWS[0]`` first."""
    grey = tf.repeat(tf.reduce_mean(balance(images), -1, keepdims=True), 3, -1)
    return tf.concat([turn(grey if kind == "grey" else images, flip, swap) for kind, flip, swap in VIEWS], 0)


def turn(images: tf.Tensor, flip: bool, swap: bool) -> tf.Tensor:
    """Turn as a view is: float32[n, h, w, c], h = w, to the same shape."""
    flipped = images[:, ::-1] if flip else images
    return tf.transpose(flipped, [0, 2, 1, 3]) if swap else flipped


def turn_back(images: tf.Tensor, flip: bool, swap: bool) -> tf.Tensor:
    """Undo ``turn``."""
    swapped = tf.transpose(images, [0, 2, 1, 3]) if swap else images
    return swapped[:, ::-1] if flip else swapped


def shares(weights: tf.Tensor, maps: tf.Tensor) -> tf.Tensor:
    """Share each field's weight out among the places of a feature map: float32[n, h, w, 1], each field's sum 1."""
    stride = INPUT_SIDE_PX // maps.shape[1]
    coarse = tf.nn.avg_pool2d(weights, stride, stride, "VALID") + FLOOR
    return coarse / tf.reduce_sum(coarse, [1, 2], keepdims=True)


def statistics(maps: tf.Tensor, share: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Give mean and standard deviation of each channel, weighed by ``shares``: float32[n, c] each."""
    mean = tf.reduce_sum(maps * share, [1, 2])
    variance = tf.nn.relu(tf.reduce_sum(maps * maps * share, [1, 2]) - mean * mean)
    return mean, tf.sqrt(variance + VARIANCE_FLOOR)


@keras.saving.register_keras_serializable(package="leukolens")
class FieldViews(keras.layers.Layer):
    """``see`` as a layer."""

    def call(self, fields: Any) -> Any:
        """See."""
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
        """Let go."""
        before, after = views_at(self.depth - 1), views_at(self.depth)
        if before == after:
            return maps
        views = tf.split(maps, len(before))
        return tf.concat([views[before.index(place)] for place in after], 0)

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Tell the shape before anything is computed."""
        return (None, *shape[1:])

    def get_config(self) -> dict[str, Any]:
        """Tell what it was made with."""
        return {**super().get_config(), "depth": self.depth}


@keras.saving.register_keras_serializable(package="leukolens")
class StainPool(keras.layers.Layer):
    """Pool the feature maps of all views and several depths by stain, and standardise what comes out.

    Called with the fields, float32[n, 224, 224, 3] in 0 to 255, and each depth's maps of ``views_at``. Gives
    float32[n, d]: for each of ``GROUPS``, means then deviations of each depth in order. ``standardise`` sets what is
    subtracted and divided by, which training does not change. ``colours`` is how many statistics come first, of the
    views in colour.
    """

    def build(self, shapes: list[tuple[int, ...]]) -> None:
        """Make the two constants, for as many statistics as the maps have."""
        width = self._width(shapes)
        self.colours = width_of("colour", [shape[-1] for shape in shapes[1:]])
        self.centre = self.add_weight(shape=(width,), initializer="zeros", trainable=False, name="centre")
        self.spread = self.add_weight(shape=(width,), initializer="ones", trainable=False, name="spread")

    def call(self, inputs: list[Any]) -> Any:
        """Pool."""
        fields, *depths = inputs
        weights = stain_weights(fields)
        turned = [turn(weights, flip, swap) for _, flip, swap in VIEWS]
        found = [self._by_view(maps, turned, views_at(depth)) for depth, maps in enumerate(depths)]
        groups = []
        for group, known in GROUPS.items():
            means = [tf.add_n([views[place] for place in places_of(group)]) for views in found[:known]]
            groups.append(tf.concat(means, -1) / float(len(places_of(group))))
        return (tf.concat(groups, -1) - self.centre) / self.spread

    def compute_output_shape(self, shapes: list[tuple[int, ...]]) -> tuple[int | None, int]:
        """Tell the shape before anything is computed."""
        return shapes[0][0], self._width(shapes)

    def standardise(self, centre: Any, spread: Any) -> None:
        """Set mean and standard deviation of every statistic: float32[d] each."""
        self.centre.assign(centre)
        self.spread.assign(spread)

    @staticmethod
    def _by_view(maps: Any, weights: list[Any], places: list[int]) -> dict[int, Any]:
        """Give a depth's statistics of each view, by its place: float32[n, 2 c] each."""
        share = shares(tf.concat([weights[place] for place in places], 0), maps)
        return dict(zip(places, tf.split(tf.concat(statistics(maps, share), -1), len(places)), strict=True))

    @staticmethod
    def _width(shapes: list[tuple[int, ...]]) -> int:
        return sum(width_of(group, [shape[-1] for shape in shapes[1:]]) for group in GROUPS)
