"""What a field shows of its slide and not of its patient's cells: background, lamp, erythrocyte tone, scale bar.

Leukocytes are left out on purpose: they carry the label.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference import to_model_input
from training.data.labels import INPUT_SIDE_PX as SIDE
from training.data.scale_bar import CORNER

BLOCKS = 14  # a side: the lamp's unevenness is measured on blocks of 16 pixels
BACKGROUND_QUANTILE = 0.85  # of the green channel, which both stains absorb
# Optical density in green of an erythrocyte: above the glass, below a nucleus. Purple is more blue than green by 45.
ERYTHROCYTE_DENSITY = (0.12, 0.5)
PURPLE = 45
FEWEST_PIXELS = 200  # of erythrocytes, 0.4 % of a field; with fewer their tone is unknown
RED_INK, DARK_INK, GREY = 45, 140, 40  # grey levels: red over the others, darkest allowed, spread of a neutral colour


@dataclass(frozen=True)
class Appearance:
    """How a field looks apart from its cells.

    Attributes
    ----------
    background
        float64[3], median R, G, B of the glass, 0 to 255.
    erythrocytes
        float64[3], median optical density of the erythrocytes in R, G, B; NaN where there are too few.
    lamp
        float64[3], brightness gained from left to right, from top to bottom, and from centre to corner, grey levels.
    ink
        bool[2, 28, 60], red and dark ink in the lower right corner: the scale bar and its legend.
    """

    background: NDArray[np.float64]
    erythrocytes: NDArray[np.float64]
    lamp: NDArray[np.float64]
    ink: NDArray[np.bool_]

    @property
    def features(self) -> NDArray[np.float64]:
        """float64[9]: all but the ink."""
        return np.concatenate([self.background, self.erythrocytes, self.lamp])


def appearance(pixels: NDArray[np.uint8]) -> Appearance:
    """Measure a field (uint8[h, w, 3], RGB)."""
    field = to_model_input(pixels, SIDE, SIDE).astype(np.float32)
    outside = np.ones((SIDE, SIDE), bool)
    outside[CORNER] = False
    green = field[..., 1]
    glass = outside & (green >= np.quantile(green[outside], BACKGROUND_QUANTILE))
    background = np.median(field[glass], axis=0)
    density = -np.log(np.maximum(field, 1) / np.maximum(background, 1))
    low, high = ERYTHROCYTE_DENSITY
    purple = field[..., 2] - green > PURPLE
    cells = outside & ~purple & (density[..., 1] > low) & (density[..., 1] < high)
    erythrocytes = np.median(density[cells], axis=0) if cells.sum() >= FEWEST_PIXELS else np.full(3, np.nan)
    return Appearance(background.astype(float), erythrocytes.astype(float), _lamp(green), _ink(field[CORNER]))


def _lamp(green: NDArray[np.float32]) -> NDArray[np.float64]:
    """Fit brightness = a + b x + c y + d (x^2 + y^2) to the glass of each block; gives b, c, d."""
    side = SIDE // BLOCKS
    blocks = green.reshape(BLOCKS, side, BLOCKS, side).transpose(0, 2, 1, 3).reshape(BLOCKS, BLOCKS, -1)
    bright = np.quantile(blocks, 0.9, axis=2)
    clear = bright > np.quantile(bright, 0.3)  # the other blocks may be all cells
    y, x = np.mgrid[-1 : 1 : BLOCKS * 1j, -1 : 1 : BLOCKS * 1j]
    terms = np.stack([np.ones_like(x), x, y, x**2 + y**2], axis=-1)
    solution: NDArray[np.float64] = np.linalg.lstsq(terms[clear], bright[clear].astype(float), rcond=None)[0]
    return solution[1:]


def _ink(corner: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Find red and dark ink: cells are purple or pale, so neither."""
    red, green, blue = np.moveaxis(corner, -1, 0)
    spread = corner.max(-1) - corner.min(-1)
    return np.stack([(red - green > RED_INK) & (red - blue > RED_INK), (corner.max(-1) < DARK_INK) & (spread < GREY)])
