"""The pool that looks at stained places, and the linear head on it."""

import numpy as np
import pytest
import tensorflow as tf

from training.data.classes import labels_of, read_classes
from training.data.scale_bar import LEFT_PX, TOP_PX
from training.data.synthetic import draw_field
from training.models import classifier
from training.models.fine_tuning import embed
from training.models.linear_probe import balanced_weights, fit_linear_head, stain_density
from training.models.recipes import LinearProbe
from training.models.stain_pooling import (
    TURNS,
    VIEWS,
    WAYS,
    DeeperViews,
    StainPool,
    balance,
    pool_views,
    see,
    shares,
    stain_weights,
    statistics,
    turn,
    views_at,
    weigh,
)

LABELS = labels_of(read_classes())
FIELDS = np.stack([draw_field(label, seed) for label in LABELS for seed in range(3)])
TRUTH = np.repeat(np.arange(len(LABELS)), 3)
PALE, PURPLE = (235.0, 225.0, 235.0), (110.0, 60.0, 150.0)


def field_with(boxes: list[tuple[int, int]]) -> np.ndarray:
    image = np.full((1, 224, 224, 3), PALE, np.float32)
    for row, column in boxes:
        image[0, row : row + 16, column : column + 16] = PURPLE
    return image


def test_nuclei_weigh_and_background_and_corner_do_not() -> None:
    weights = stain_weights(tf.constant(field_with([(32, 32), (TOP_PX + 4, LEFT_PX + 4)]))).numpy()[0, ..., 0]
    assert weights[40, 40] > 0.9
    assert weights[100, 100] < 0.1
    assert weights[TOP_PX + 8, LEFT_PX + 8] == 0.0


def test_a_balanced_field_does_not_depend_on_the_lamp() -> None:
    field = field_with([(32, 32)])
    np.testing.assert_allclose(balance(field), balance(field * [0.9, 0.8, 0.85]), atol=1.5)


def test_one_cell_is_not_lost_among_background_and_nine_do_not_count_nine_times() -> None:
    """Means of a map that is 1 on cells and 0 elsewhere; unweighed they would be 1 and 9 of 196."""
    means = []
    for boxes in ([(32, 32)], [(32 * r, 32 * c) for r in range(3) for c in range(3)]):
        image = field_with(boxes)
        cells = tf.constant((image[:, ::16, ::16, :1] < 200).astype(np.float32))
        mean, deviation = statistics(cells, shares(stain_weights(tf.constant(image)), cells))
        means.append(float(mean[0, 0]))
        assert float(deviation[0, 0]) == pytest.approx((means[-1] * (1 - means[-1])) ** 0.5, abs=1e-3)
    assert means[0] > 20 / 196
    assert means[1] / means[0] < 5


def test_a_blank_field_is_averaged() -> None:
    np.testing.assert_allclose(shares(tf.zeros([1, 224, 224, 1]), tf.zeros([1, 14, 14, 1])), 1 / 196, rtol=1e-5)


def test_a_field_is_seen_in_colour_and_in_grey() -> None:
    fields = tf.cast(FIELDS[:2], tf.float32)
    views = see(fields).numpy()
    assert views.shape == (2 * len(VIEWS), 224, 224, 3)
    np.testing.assert_array_equal(views[:2], fields)
    assert np.ptp(views[2:], axis=-1).max() == pytest.approx(0.0, abs=1e-3)
    assert np.ptp(views[:2], axis=-1).max() > 0.0


def test_only_the_grey_view_goes_on_to_the_last_depth() -> None:
    """Two fields, maps that tell their view."""
    maps = np.repeat(np.arange(len(VIEWS)), 2)[:, None, None, None] * np.ones((1, 3, 3, 5), np.float32)
    np.testing.assert_array_equal(DeeperViews(3)(maps), maps)
    np.testing.assert_array_equal(DeeperViews(4)(maps)[:, 0, 0, 0], [1, 1])


def test_places_count_as_they_are_stained_more_in_the_middle_or_all_alike() -> None:
    """A nucleus in the middle and one at the margin: to ``centre`` the first is nearly all, to ``plain`` neither."""
    image = np.full((1, 224, 224, 3), 240.0, np.float32)
    image[0, 96:128, 96:128] = image[0, 96:128, 8:40] = (90, 40, 140)
    maps = np.zeros((1, 14, 14, 1), np.float32)
    maps[0, 6:8, 6:8] = 1.0
    stain, centre, plain = (
        float(statistics(maps, shares(weights, maps))[0][0, 0]) for weights in weigh(tf.constant(image), WAYS)
    )
    assert plain == pytest.approx(4 / 196)
    assert 0.3 < stain < 0.6
    assert centre > stain + 0.2


def test_the_ways_of_fields_come_first() -> None:
    """What a head of one way reads, it finds at the same places of a pool of all."""
    fields, maps = tf.cast(FIELDS[:1], tf.float32), [tf.ones([len(views_at(depth)), 14, 14, 3]) for depth in range(5)]
    one, every = (StainPool(ways)([fields, *maps]) for ways in (WAYS[:1], WAYS))
    assert every.shape[1] == len(WAYS) * one.shape[1]
    np.testing.assert_array_equal(every[:, : one.shape[1]], one)


@pytest.mark.parametrize(("flip", "swap"), TURNS)
def test_what_is_pooled_of_turned_maps_and_weights_is_what_was_pooled(flip: bool, swap: bool) -> None:
    """Turning moves places, and a pool does not know places: only the network between sees a turned field."""
    weights = tf.random.stateless_uniform([1, 224, 224, 1], [1, 2])
    maps = [tf.random.stateless_uniform([len(views_at(depth)), 14, 14, 3], [3, depth]) for depth in range(5)]
    plain = pool_views([weights], maps)
    assert plain.shape == (1, 2 * 3 * (4 + 5))
    turned = pool_views([turn(weights, flip, swap)], [turn(one, flip, swap) for one in maps])
    np.testing.assert_allclose(turned, plain, atol=1e-4)


def test_a_linear_head_answers_in_the_network_as_alone() -> None:
    network = classifier.build("efficientnet-lite0", 4, imagenet=False)
    embeddings, _ = embed(network, FIELDS)
    head = fit_linear_head(embeddings[None], embeddings[None], TRUTH, stain_density(FIELDS), LinearProbe())
    head.put(network)
    standard, logits = embed(network, FIELDS)
    np.testing.assert_allclose(standard, head.standardise(embeddings), atol=1e-3)
    np.testing.assert_allclose(logits, head.logits(embeddings), atol=1e-3)
    assert (logits.argmax(1) == TRUTH).mean() > 0.9


def test_a_varied_copy_counts_less_than_its_field() -> None:
    """Copies that say the opposite do not turn the head around."""
    rng = np.random.default_rng(0)
    labels = np.arange(80) % 4
    embeddings = (np.eye(4)[labels] * 3 + rng.normal(0, 0.1, (80, 4))).astype(np.float32)
    contrary = np.roll(embeddings, 1, axis=1)[None]
    head = fit_linear_head(embeddings[None], contrary, labels, np.ones(80, np.float32), LinearProbe())
    assert (head.logits(embeddings).argmax(1) == labels).all()
    assert not np.allclose(
        head.kernel, fit_linear_head(embeddings[None], contrary[:0], labels, np.ones(80), LinearProbe()).kernel
    )


def test_labels_count_alike_and_so_do_the_densities_within_one() -> None:
    labels = np.repeat(np.arange(4), [200, 100, 100, 50])
    densities = np.full(len(labels), 0.3, np.float32)
    densities[:150] = 0.05  # the first label is mostly sparse
    weights = balanced_weights(labels, densities)
    np.testing.assert_allclose(np.bincount(labels, weights), len(labels) / 4)
    assert weights[:150].sum() == pytest.approx(weights[150:200].sum())
