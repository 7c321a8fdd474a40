import numpy as np
import pytest
from skimage.color import rgb2hed

from training.data.corruptions import DISTURBANCES, TOLD
from training.data.synthetic import draw_field

FIELD = draw_field("Pre", 1)


@pytest.mark.parametrize("name", sorted(set(DISTURBANCES) - {"none"}))
def test_keeps_the_field_recognisable_but_changes_it(name: str) -> None:
    changed = DISTURBANCES[name](FIELD)
    assert changed.shape == FIELD.shape
    assert changed.dtype == np.uint8
    difference = np.abs(changed.astype(int) - FIELD).mean()
    assert 0.5 < difference < 60
    alike = np.corrcoef(changed.mean(2).ravel(), FIELD.mean(2).ravel())[0, 1]
    assert alike > 0.8


def test_none_is_the_field_itself() -> None:
    assert DISTURBANCES["none"](FIELD) is FIELD
    assert set(TOLD) == set(DISTURBANCES)


def test_stain_shifts_go_opposite_ways() -> None:
    nuclei = FIELD[..., 2].astype(int) - FIELD[..., 1] > 45
    bluer, as_is, pinker = (
        rgb2hed(DISTURBANCES[name](FIELD))[nuclei].mean(0) for name in ("stain_bluer", "none", "stain_pinker")
    )
    assert bluer[0] > as_is[0] > pinker[0], "the nuclear stain"
    assert bluer[1] < as_is[1] < pinker[1], "the counterstain"


def test_brightness_moves_the_mean_by_its_factor() -> None:
    middle = np.full((224, 224, 3), 100, np.uint8)
    assert DISTURBANCES["brighter"](middle).mean() == 115
    assert DISTURBANCES["darker"](middle).mean() == 85
