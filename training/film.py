"""The stained film of a drawn smear: optical densities of cells, laid upon each other.

Light is absorbed as in a real film (Beer-Lambert): densities add up, and the picture is illumination * exp(-density),
so that overlapping erythrocytes darken.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]
Range = tuple[float, float]

DRAWN_SIZE = 224  # pixels; every length below is given for a field of this size

# Optical density (R, G, B) of each stained part at full thickness, read off real fields of the public set.
PINK_ERYTHROCYTE = np.array([0.07, 0.34, 0.28], np.float32)
GREY_ERYTHROCYTE = np.array([0.38, 0.31, 0.21], np.float32)
CYTOPLASM = np.array([0.38, 0.46, 0.09], np.float32)
NUCLEUS = np.array([0.66, 1.12, 0.17], np.float32)
PLATELET = np.array([0.35, 0.62, 0.12], np.float32)


@dataclass(frozen=True)
class Morphology:
    """How the leukocytes of one label look; lengths in pixels of a 224-pixel field."""

    cells: tuple[int, int]  # leukocytes a field
    nucleus_radius: Range
    nucleus_share: Range  # nucleus diameter / cell diameter: the N:C ratio as drawn
    density: Range  # how dark the chromatin is
    clumping: float  # contrast of the chromatin, 0 = even
    grain: float  # size of a chromatin clump
    nucleoli: tuple[int, int]  # a nucleus
    irregularity: float  # waviness of the outlines, share of the radius


class Film:
    """The optical density of one field, cell upon cell."""

    def __init__(self, size: int, rng: np.random.Generator) -> None:
        self.size, self.rng = size, rng
        self.scale = size / DRAWN_SIZE
        self.density = np.zeros((size, size, 3), np.float32)

    def blob(self, centre: Floats, radius: float, wobble: float, stretch: float) -> tuple[Any, Floats, Floats] | None:
        """Outline one cell: its window, rho (0 centre, 1 outline) and coverage, float32[h, w]; None off the field."""
        reach = radius * 1.6 + 2
        top, left = np.maximum(np.floor(centre - reach), 0).astype(int)
        bottom, right = np.minimum(np.ceil(centre + reach) + 1, self.size).astype(int)
        if top >= bottom or left >= right:
            return None
        y = np.arange(top, bottom, dtype=np.float32)[:, None] - centre[0]
        x = np.arange(left, right, dtype=np.float32)[None, :] - centre[1]
        angle, phase = np.arctan2(y, x), self.rng.uniform(0, 2 * np.pi, 3)
        outline = 1 + stretch * np.cos(2 * angle + phase[0])
        outline += wobble * (np.cos(3 * angle + phase[1]) + 0.6 * np.cos(5 * angle + phase[2]))
        rho = np.hypot(y, x) / (radius * outline)
        window = (slice(top, bottom), slice(left, right))
        return window, rho, np.clip((1 - rho) * radius + 0.5, 0, 1)

    def texture(self, shape: tuple[int, ...], grain: float) -> Floats:
        """Give smooth noise of about unit contrast, with clumps of ``grain`` pixels: float32[h, w]."""
        coarse = [max(2, round(side / max(grain, 1.0))) for side in shape]
        noise = Image.fromarray(self.rng.normal(0, 1, coarse).astype(np.float32))
        return np.asarray(noise.resize((shape[1], shape[0]), Image.Resampling.BICUBIC))

    def cover(self, window: Any, coverage: Floats, density: Floats) -> None:
        """Lay something opaque to what lies below: a leukocyte hides the film under it."""
        below = self.density[window]
        self.density[window] = below + coverage[..., None] * (density - below)

    def erythrocyte(self, centre: Floats, pinkness: float, pallor: float) -> None:
        """Add a biconcave disc: thick at the rim, pale in the middle."""
        colour = pinkness * PINK_ERYTHROCYTE + (1 - pinkness) * GREY_ERYTHROCYTE
        radius = self.rng.uniform(7.2, 9.4) * self.scale
        if blob := self.blob(centre, radius, self.rng.uniform(0, 0.03), self.rng.uniform(0, 0.09)):
            window, rho, coverage = blob
            thickness = 1 - pallor * self.rng.uniform(0.7, 1.2) * np.exp(-((rho / 0.45) ** 2)) + 0.15 * (rho > 0.8)
            self.density[window] += 0.8 * (coverage * thickness)[..., None] * colour

    def platelet(self, centre: Floats) -> None:
        """Add a platelet."""
        if blob := self.blob(centre, self.rng.uniform(1.2, 2.4) * self.scale, 0.15, 0.1):
            self.density[blob[0]] += blob[2][..., None] * PLATELET

    def leukocyte(self, centre: Floats, look: Morphology) -> None:
        """Lay a leukocyte over the film: cytoplasm, nucleus with its chromatin, nucleoli."""
        rng, nucleus_radius = self.rng, self.rng.uniform(*look.nucleus_radius) * self.scale
        radius, stretch = nucleus_radius / rng.uniform(*look.nucleus_share), rng.uniform(0.01, 0.08)
        cell = self.blob(centre, radius, look.irregularity, stretch)
        shift = rng.uniform(-0.5, 0.5, 2).astype(np.float32) * (radius - nucleus_radius)
        nucleus = self.blob(centre + shift, nucleus_radius, look.irregularity, stretch)
        if not (cell and nucleus):
            return
        window, rho, coverage = cell
        mottle = 0.8 + 0.06 * self.texture(rho.shape, 3 * self.scale) + 0.25 * np.clip(rho, 0, 1)
        self.cover(window, coverage, mottle[..., None] * CYTOPLASM)
        window, rho, coverage = nucleus
        chromatin = 1 + look.clumping * self.texture(rho.shape, look.grain * self.scale)
        chromatin = np.clip(chromatin, 0.35, 1.9) * (0.92 + 0.12 * np.clip(rho, 0, 1))  # a rim: the nuclear membrane
        self.cover(window, coverage, rng.uniform(*look.density) * chromatin[..., None] * NUCLEUS)
        for _ in range(rng.integers(look.nucleoli[0], look.nucleoli[1] + 1)):
            offset = rng.uniform(-0.5, 0.5, 2).astype(np.float32) * nucleus_radius
            spot = self.blob(centre + shift + offset, rng.uniform(0.16, 0.26) * nucleus_radius, 0.04, 0.1)
            if spot:  # nucleoli are paler and bluer than the chromatin around them
                self.cover(
                    spot[0], 0.55 * spot[2], look.density[0] * 0.6 * NUCLEUS * np.array([1.3, 0.9, 1], np.float32)
                )
