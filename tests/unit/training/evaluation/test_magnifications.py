import numpy as np
from numpy.typing import NDArray

from training.evaluation.magnifications import scramble


def tiles(field: NDArray[np.uint8]) -> list[bytes]:
    """Give the 16 tiles of a field, from left to right and down."""
    side = 56
    return [field[y : y + side, x : x + side].tobytes() for y in range(0, 224, side) for x in range(0, 224, side)]


def test_a_scrambled_field_has_all_its_tiles_in_another_order() -> None:
    field = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    mixed = scramble(field, np.random.default_rng(1))
    assert tiles(mixed) != tiles(field)
    assert sorted(tiles(mixed)) == sorted(tiles(field))
