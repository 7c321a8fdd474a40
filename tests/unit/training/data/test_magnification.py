"""Fields as a weaker or a stronger objective shows them."""

import numpy as np
import pytest

from training.data.magnification import MOST, Neighbourhood, without_bar
from training.data.scale_bar import LEFT_PX, TOP_PX


@pytest.fixture(scope="module")
def around() -> Neighbourhood:
    """Make twelve fields, each of one grey level, six on each of two slides, in reverse order of acquisition."""
    images = np.stack([np.full((224, 224, 3), 10 + 20 * k, np.uint8) for k in range(12)])
    return Neighbourhood(images, ["a"] * 6 + ["b"] * 6, np.arange(12)[::-1])


@pytest.mark.parametrize(("magnification", "fields"), [(2.0, 1), (1.0, 4), (0.5, 4), (0.4, 9)])
def test_a_picture_shows_only_neighbours_on_the_slide(around: Neighbourhood, magnification: float, fields: int) -> None:
    image, shown = around.show(7, magnification, np.random.default_rng(0))
    assert image.shape == (224, 224, 3)
    assert len(shown) == MOST
    assert set(shown) <= set(range(6, 12))
    assert len(set(shown)) == min(fields, 6)
    levels = {10 + 20 * k for k in shown.tolist()}
    assert min(levels) - 8 <= image.min() <= image.max() <= max(levels) + 8  # bicubic edges swing over


def test_at_half_the_magnification_four_fields_are_in_the_picture(around: Neighbourhood) -> None:
    image, _ = around.show(2, 0.5, np.random.default_rng(1))
    corners = {int(image[row, column, 0]) for row in (40, 180) for column in (40, 180)}
    assert len(corners) == 4


def test_a_field_and_its_mirror_images_have_no_seam() -> None:
    ramp = np.tile(np.arange(224, dtype=np.uint8)[None, :, None], (224, 1, 3))
    image, shown = Neighbourhood(ramp[None], ["a"], np.arange(1)).show(0, 0.5, np.random.default_rng(0), mirrored=True)
    assert set(shown) == {0}
    assert np.abs(np.diff(image[100, :, 0].astype(int))).max() <= 4


def test_what_is_drawn_is_drawn_alike_and_tells_its_magnification(around: Neighbourhood) -> None:
    first, again = around.draw(2, 3), around.draw(2, 3)
    np.testing.assert_array_equal(first.images, again.images)
    assert first.images.shape == (24, 224, 224, 3)
    assert first.doublings.min() < -0.3
    assert first.doublings.max() > 0.3
    assert (first.doublings == 0).any()


def test_the_scale_bar_is_gone_and_nothing_else() -> None:
    field = np.full((224, 224, 3), 200, np.uint8)
    field[TOP_PX + 4 :, LEFT_PX + 4 :] = 0
    painted = without_bar(field)
    assert painted.min() == 200
    assert field.min() == 0
