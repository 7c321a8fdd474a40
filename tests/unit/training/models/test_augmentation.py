import numpy as np
import tensorflow as tf

from training.data.scale_bar import LEFT_PX, TOP_PX
from training.data.synthetic import draw_field
from training.models.augmentation import BRIGHTNESS, GAIN, SATURATION, augment, jitter_stain, turn
from training.models.scale_bar_mask import hide_scale_bar


def test_hidden_corner_tells_nothing_but_the_mean() -> None:
    field = draw_field("Pre", seed=3).astype(np.float32)[None]
    written = field.copy()
    written[:, TOP_PX + 4 : -4, LEFT_PX + 4 : -4] = 255.0 - written[:, TOP_PX + 4 : -4, LEFT_PX + 4 : -4]
    corner = np.asarray(hide_scale_bar(tf.constant(written)))[0, TOP_PX:, LEFT_PX:]
    assert np.ptp(corner, axis=(0, 1)).max() < 1e-3
    rest = np.asarray(hide_scale_bar(tf.constant(field)))[0, :TOP_PX]
    np.testing.assert_allclose(rest, field[0, :TOP_PX])


def test_turning_moves_pixels_and_changes_none() -> None:
    images = np.random.default_rng(0).uniform(0, 255, (16, 224, 224, 3)).astype(np.float32)
    turned = np.asarray(turn(tf.constant(images)))
    np.testing.assert_allclose(np.sort(turned.reshape(16, -1)), np.sort(images.reshape(16, -1)))
    orientations = {
        tuple(np.flatnonzero([np.array_equal(t, o) for o in _orientations(i)]))
        for i, t in zip(images, turned, strict=True)
    }
    assert () not in orientations, "an image came out that is no flip or quarter turn of what went in"
    assert len(orientations) > 3, "the same orientation came out for nearly every image"


def test_stain_jitter_changes_the_colours_of_a_whole_image_alike_and_within_bounds() -> None:
    field = draw_field("Early", seed=5).astype(np.float32)
    varied = np.asarray(jitter_stain(tf.constant(np.stack([field] * 32))))
    assert varied.min() >= 0.0
    assert varied.max() <= 255.0
    assert np.std(varied.mean((1, 2)), axis=0).min() > 3.0, "colours hardly vary"
    for image in varied:
        matrix, shift = _colour_change(field, image)
        gains = matrix.sum(1)  # what becomes of grey: it has no hue to turn
        assert np.all(np.abs(gains - 1.0) < GAIN + 1e-3)
        assert np.ptp(shift) < 0.1, "one shift for all channels"
        assert abs(shift[0]) < BRIGHTNESS + 0.1
        saturation = np.sqrt(np.linalg.det(matrix) / gains.prod())
        assert SATURATION[0] - 1e-2 < saturation < SATURATION[1] + 1e-2


def test_a_batch_of_bytes_becomes_floats_of_the_same_shape() -> None:
    images = np.stack([draw_field("Pro", seed) for seed in range(3)])
    varied = augment(tf.constant(images))
    assert varied.shape == (3, 224, 224, 3)
    assert varied.dtype == tf.float32


def _colour_change(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the 3 x 3 matrix and the shift that make each colour of one image that of the other, place by place."""
    colours = np.column_stack([before.reshape(-1, 3), np.ones(before[..., 0].size)]).astype(np.float64)
    found = []
    for channel in after.reshape(-1, 3).astype(np.float64).T:
        inside = (channel > 0.0) & (channel < 255.0)  # what was not cut off at the ends of the range
        assert inside.sum() > 1000
        solved, *_ = np.linalg.lstsq(colours[inside], channel[inside], rcond=None)
        everywhere = np.clip(colours @ solved, 0.0, 255.0)
        np.testing.assert_allclose(everywhere, channel, atol=0.05, err_msg="not one change for every place")
        found.append(solved)
    return np.stack(found)[:, :3], np.stack(found)[:, 3]


def _orientations(image: np.ndarray) -> list[np.ndarray]:
    return [flip for turns in range(4) for flip in (np.rot90(image, turns), np.rot90(image, turns)[::-1])]
