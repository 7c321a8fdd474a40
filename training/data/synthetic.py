"""Synthetic smear fields: drawn, seeded, and good enough for demonstrations and tests of the machinery.

They are no evidence about a model: a number measured on them says that the code runs. Needs no TensorFlow, so that the
demo can draw too.

The pictures in samples/ are made by ``python -m training.data.synthetic samples --flat --per-class 2 --seed 7``.

The stained film of a drawn smear: optical densities of cells, laid upon each other.

Light is absorbed as in a real film (Beer-Lambert): densities add up, and the picture is illumination * exp(-density),
so that overlapping erythrocytes darken.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from training.data.classes import labels_of, read_classes

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

    def leukocyte(self, centre: Floats, morphology: Morphology) -> None:
        """Lay a leukocyte over the film: cytoplasm, nucleus with its chromatin, nucleoli."""
        rng, nucleus_radius = self.rng, self.rng.uniform(*morphology.nucleus_radius) * self.scale
        radius, stretch = nucleus_radius / rng.uniform(*morphology.nucleus_share), rng.uniform(0.01, 0.08)
        cell = self.blob(centre, radius, morphology.irregularity, stretch)
        shift = rng.uniform(-0.5, 0.5, 2).astype(np.float32) * (radius - nucleus_radius)
        nucleus = self.blob(centre + shift, nucleus_radius, morphology.irregularity, stretch)
        if not (cell and nucleus):
            return
        window, rho, coverage = cell
        mottle = 0.8 + 0.06 * self.texture(rho.shape, 3 * self.scale) + 0.25 * np.clip(rho, 0, 1)
        self.cover(window, coverage, mottle[..., None] * CYTOPLASM)
        window, rho, coverage = nucleus
        chromatin = 1 + morphology.clumping * self.texture(rho.shape, morphology.grain * self.scale)
        chromatin = np.clip(chromatin, 0.35, 1.9) * (0.92 + 0.12 * np.clip(rho, 0, 1))  # a rim: the nuclear membrane
        self.cover(window, coverage, rng.uniform(*morphology.density) * chromatin[..., None] * NUCLEUS)
        for _ in range(rng.integers(morphology.nucleoli[0], morphology.nucleoli[1] + 1)):
            offset = rng.uniform(-0.5, 0.5, 2).astype(np.float32) * nucleus_radius
            spot = self.blob(centre + shift + offset, rng.uniform(0.16, 0.26) * nucleus_radius, 0.04, 0.1)
            if spot:  # nucleoli are paler and bluer than the chromatin around them
                self.cover(
                    spot[0], 0.55 * spot[2], morphology.density[0] * 0.6 * NUCLEUS * np.array([1.3, 0.9, 1], np.float32)
                )


_MORPHOLOGIES = (
    # Small and mature, or hematogones: a dark, clumped, round nucleus, no nucleoli.
    Morphology((3, 8), (6.5, 8.5), (0.78, 0.92), (1.1, 1.35), 0.3, 2.8, (0, 0), 0.03),
    # A thin rim of cytoplasm, chromatin half condensed, nucleoli hard to see.
    Morphology((3, 9), (9.0, 11.5), (0.82, 0.92), (0.9, 1.1), 0.24, 2.2, (0, 1), 0.06),
    # Large, crowded, with hardly any cytoplasm and fine chromatin.
    Morphology((9, 20), (10.5, 13.5), (0.9, 0.97), (0.78, 0.98), 0.16, 1.5, (1, 2), 0.05),
    # Pale open chromatin and plain nucleoli in a visible, basophilic cytoplasm.
    Morphology((3, 9), (9.5, 12.5), (0.68, 0.82), (0.55, 0.72), 0.1, 1.2, (2, 3), 0.09),
)
MORPHOLOGIES = dict(zip(labels_of(read_classes()), _MORPHOLOGIES, strict=True))
"""Of the classes of the public set, in their order."""


@dataclass(frozen=True)
class Stain:
    """What the fields of one slide share: stain, lamp, spacing of the cells, focus and scale bar."""

    pinkness: float  # of the erythrocytes: 0 = grey-blue, 1 = pink
    strength: float  # of all stains
    lamp: tuple[float, float, float]  # background, R, G, B; a little over 255 is clipped, as sensors do
    falloff: float  # share of the light lost towards the far edge
    lamp_angle: float  # radians
    erythrocytes: int  # a 224-pixel field
    pallor: float  # depth of the central pallor
    blur: float  # pixels, standard deviation
    scale_bar: int  # 0 = none, 1 = short, 2 = long

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Stain":
        """Draw a slide's look at random."""
        return cls(
            pinkness=float(rng.uniform()),
            strength=float(rng.uniform(0.75, 1.2)),
            lamp=(float(rng.uniform(245, 257)), float(rng.uniform(245, 256)), float(rng.uniform(238, 257))),
            falloff=float(rng.uniform(0.01, 0.1)),
            lamp_angle=float(rng.uniform(0, 2 * np.pi)),
            erythrocytes=int(rng.integers(70, 150)),
            pallor=float(rng.uniform(0.35, 0.95)),
            blur=float(rng.uniform(0.35, 0.8)),
            scale_bar=int(rng.choice([0, 0, 1, 2])),
        )


def _scatter(rng: np.random.Generator, count: int, size: int, spacing: float) -> list[Floats]:
    """Place up to ``count`` centres at least ``spacing`` pixels apart, some across the edges."""
    centres: list[Floats] = []
    for candidate in rng.uniform(-0.03 * size, 1.03 * size, (count * 6, 2)).astype(np.float32):
        if len(centres) == count:
            break
        if not centres or np.min(np.hypot(*(np.asarray(centres) - candidate).T)) >= spacing:
            centres.append(candidate)
    return centres


def _illuminate(film: Film, stain: Stain) -> Image.Image:
    """Shine an uneven lamp through the film, blur as the lens does, add the sensor's noise."""
    size, lamp = film.size, np.asarray(stain.lamp, np.float32)
    axis = np.linspace(-0.5, 0.5, size, dtype=np.float32)
    along = axis[:, None] * np.sin(stain.lamp_angle) + axis[None, :] * np.cos(stain.lamp_angle)
    vignette = axis[:, None] ** 2 + axis[None, :] ** 2
    light = 1 - stain.falloff * (0.5 - along + 0.6 * vignette)
    picture = lamp * light[..., None] * np.exp(-stain.strength * film.density)
    picture += film.rng.normal(0, 1.6, picture.shape)
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    return image.filter(ImageFilter.GaussianBlur(stain.blur * film.scale))


def _draw_scale_bar(image: Image.Image, style: int) -> None:
    """Draw a bar with its legend in the lower right corner, as the microscope's software does."""
    size, draw = image.width, ImageDraw.Draw(image)
    width, height = (0.1, 0.045) if style == 1 else (0.17, 0.085)
    left, top = round(size * (1 - width) - 0.02 * size), round(size * (1 - height) - 0.02 * size)
    draw.rectangle((left, top, size - 1, size - 1), fill=(250, 250, 250))
    draw.line((left + 2, size - 3, size - 2, size - 3), fill=(20, 20, 20), width=max(1, size // 150))
    font = ImageFont.load_default(size=max(5, round(size * height * 0.5)))
    draw.text((left + 2, top), "100 px" if style == 1 else "200 px", fill=(20, 20, 20), font=font)


def draw_field(label: str, seed: int, size: int = DRAWN_SIZE, stain: Stain | None = None) -> NDArray[np.uint8]:
    """Draw one field of the named morphology.

    Parameters
    ----------
    label
        Of the public set.
    seed
        The same label, seed, size and stain give the same pixels.
    size
        Width and height in pixels; the cells scale with it.
    stain
        The slide's look; drawn from the seed when absent.

    Returns
    -------
    uint8[size, size, 3]
        RGB.

    Raises
    ------
    ValueError
        For an unknown label or a size below 64.
    """
    if label not in MORPHOLOGIES:
        raise ValueError(f"no morphology {label!r}: choose one of {', '.join(MORPHOLOGIES)}")
    if size < 64:
        raise ValueError(f"size {size} is too small to show a cell: use 64 or more")
    rng = np.random.default_rng([seed, list(MORPHOLOGIES).index(label)])
    morphology, stain = MORPHOLOGIES[label], stain or Stain.draw(rng)
    film = Film(size, rng)
    for centre in _scatter(rng, stain.erythrocytes, size, 11 * film.scale):
        film.erythrocyte(centre, stain.pinkness, stain.pallor)
    for centre in rng.uniform(0, size, (rng.integers(2, 10), 2)).astype(np.float32):
        film.platelet(centre)
    spacing = 1.7 * morphology.nucleus_radius[1] * film.scale
    for centre in _scatter(rng, int(rng.integers(morphology.cells[0], morphology.cells[1] + 1)), size, spacing):
        film.leukocyte(centre, morphology)
    image = _illuminate(film, stain)
    if stain.scale_bar:
        _draw_scale_bar(image, stain.scale_bar)
    return np.array(image)


def write_dataset(
    folder: Path, per_class: int, seed: int, *, size: int = DRAWN_SIZE, fields_per_slide: int = 1, flat: bool = False
) -> list[Path]:
    """Write a drawn data set: ``<Label>/synthetic_<label>_<nn>.png``, numbered as a microscope numbers its fields.

    Parameters
    ----------
    folder
        Made if absent; files of the same names are replaced.
    per_class, seed, size
        Fields a label, the seed of them all, their width and height in pixels.
    fields_per_slide
        How many neighbouring fields share one slide's stain, lamp and scale bar.
    flat
        Put every file into ``folder`` itself.

    Returns
    -------
    list of Path
        What was written, in order.
    """
    paths = []
    for index, label in enumerate(MORPHOLOGIES):
        target = folder if flat else folder / label
        target.mkdir(parents=True, exist_ok=True)
        for number in range(per_class):
            stain = Stain.draw(np.random.default_rng([seed, index, number // fields_per_slide]))
            path = target / f"synthetic_{label.lower()}_{number + 1:02d}.png"
            Image.fromarray(draw_field(label, seed * 100_003 + number, size, stain)).save(path)
            paths.append(path)
    return paths


def main(arguments: list[str] | None = None) -> int:
    """Write drawn fields from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m training.data.synthetic", description="Draw synthetic smear fields."
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--per-class", type=int, default=2, metavar="N")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--size", type=int, default=DRAWN_SIZE, metavar="PIXELS")
    parser.add_argument("--fields-per-slide", type=int, default=1, metavar="N")
    parser.add_argument("--flat", action="store_true", help="no folder a label")
    options = vars(parser.parse_args(arguments))
    paths = write_dataset(options.pop("folder"), options.pop("per_class"), options.pop("seed"), **options)
    sys.stdout.write(f"{len(paths)} synthetic fields in {paths[0].parent if paths else 'no folder'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
