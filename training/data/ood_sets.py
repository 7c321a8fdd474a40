"""Pictures of no class that the model knows, none of which it should label with confidence.

Photographs are those that ship inside scikit-image's wheel; nothing is downloaded. What the out-of-distribution gate
learns from (``taught``) and what it is examined with (``collections``) have no picture in common.
"""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from inference import read_image, to_model_input
from intake import SUFFIXES
from training.data.corruptions import augment
from training.data.dataset import read_images
from training.data.labels import INPUT_SIDE_PX, DataError
from training.data.synthetic import MORPHOLOGIES, draw_field

Images = NDArray[np.uint8]

PHOTOGRAPHS = ("astronaut.png", "chelsea.png", "coins.png", "gravel.png", "moon.png", "rocket.jpg")
"""Of scenes and things, most in colour; never learnt from."""
TAUGHT_PHOTOGRAPHS = (
    "brick.png", "camera.png", "clock_motion.png", "coffee.png", "grass.png", "hubble_deep_field.jpg",
    "motorcycle_left.png", "motorcycle_right.png",
)  # fmt: skip
"""Others, from which the gate may learn."""
MEDICAL = ("cell.png", "ihc.png", "retina.jpg")
"""A cell in phase contrast, a stained tissue section, a retina: nearer to a smear than any photograph."""
CROPS = ((224, 4), (320, 3), (448, 2))
"""Side in pixels, and the most crops along each side of the picture: objects at several scales."""
SEED, TAUGHT_SEED = 0, 1
BAR_LEVELS = 40
"""Of 255: a row or column that varies less is part of a letterbox's bar, compression and all."""
LEAST_CUT = 0.95
"""Share of the shorter side that is left at most where a picture is taken to have bars."""
DRAWN_PER_LABEL = 25
OF_EACH_KIND = 50


def bundled(names: Sequence[str]) -> Images:
    """Cut pictures of scikit-image into crops, and squeeze each whole: uint8[n, 224, 224, 3]."""
    crops = []
    for name in names:
        file = files("skimage.data") / name
        if not file.is_file():
            raise DataError(f"scikit-image ships no {name}: install the version of requirements.txt (make setup)")
        picture = read_image(file.read_bytes()).pixels
        crops += [picture, *_crops(picture)]
    return np.stack([to_model_input(np.ascontiguousarray(crop), INPUT_SIDE_PX, INPUT_SIDE_PX) for crop in crops])


def noise(seed: int = SEED) -> Images:
    """Draw noise: even, normal about grey, in blocks, and smooth; uint8[200, 224, 224, 3]."""
    random = np.random.default_rng(seed)
    side = INPUT_SIDE_PX
    even = random.integers(0, 256, (OF_EACH_KIND, side, side, 3), np.uint8)
    normal = np.clip(random.normal(128, 40, even.shape), 0, 255).astype(np.uint8)
    coarse = random.integers(0, 256, (OF_EACH_KIND, 14, 14, 3), np.uint8)
    blocks = coarse.repeat(side // 14, 1).repeat(side // 14, 2)
    smooth = [np.asarray(Image.fromarray(block).filter(ImageFilter.GaussianBlur(12))) for block in blocks]
    return np.concatenate([even, normal, blocks, np.stack(smooth)])


def blank(seed: int = SEED) -> Images:
    """Draw fields without a cell: any colour, and bare glass under a lamp with the sensor's noise; uint8[200, ...]."""
    random = np.random.default_rng(seed)
    side, count = INPUT_SIDE_PX, 2 * OF_EACH_KIND
    flat = np.broadcast_to(random.integers(0, 256, (count, 1, 1, 3), np.uint8), (count, side, side, 3))
    lamp = random.uniform(200, 255, (count, 1, 1, 3))
    slope = random.uniform(-0.1, 0.1, (count, 1, 1, 1)) * np.linspace(-0.5, 0.5, side)[None, :, None, None]
    glass = lamp * (1 + slope) + random.normal(0, 2, (count, side, side, 3))
    return np.concatenate([flat, np.clip(glass, 0, 255).astype(np.uint8)])


def synthetic(seed: int = SEED) -> Images:
    """Draw the project's synthetic smears, as the samples are drawn: uint8[100, 224, 224, 3]."""
    return np.stack([draw_field(label, number) for label in MORPHOLOGIES for number in _numbers(seed)])


def pictures_in(path: Path) -> list[Path]:
    """List a folder's pictures, at any depth."""
    return sorted(picture_path for picture_path in path.rglob("*") if picture_path.suffix.lower() in SUFFIXES)


def folder(path: Path) -> Images:
    """Read a folder of pictures, at any depth: uint8[n, 224, 224, 3].

    Raises
    ------
    DataError
        It holds no picture.
    """
    paths = pictures_in(path)
    if not paths:
        raise DataError(f"{path} holds no picture: give a folder of smears of no class here, such as BCCD's")
    return read_images(paths, f"reading {path.name}")


def without_letterbox(path: Path) -> Images | None:
    """Cut bars of one colour from a folder's pictures, and give the centre square of what is left.

    Returns
    -------
    uint8[n, 224, 224, 3] or None
        Only of pictures that have bars; None where fewer than half have.
    """
    squares = []
    paths = pictures_in(path)
    for picture_path in paths:
        pixels = read_image(picture_path.read_bytes()).pixels
        rows, columns = (np.flatnonzero(np.ptp(pixels, axis=axis).max(-1) > BAR_LEVELS) for axis in (1, 0))
        if not len(rows) or not len(columns):
            continue
        inside = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        if min(inside.shape[:2]) > LEAST_CUT * min(pixels.shape[:2]):
            continue
        side = min(inside.shape[:2])
        top, left = ((length - side) // 2 for length in inside.shape[:2])
        square = np.ascontiguousarray(inside[top : top + side, left : left + side])
        squares.append(to_model_input(square, INPUT_SIDE_PX, INPUT_SIDE_PX))
    return np.stack(squares) if len(squares) * 2 >= len(paths) > 0 else None


def taught(folders: Sequence[Path], seed: int) -> dict[str, Images]:
    """Give what the gate learns from, by name: each picture, and a varied copy, as known fields have them.

    Parameters
    ----------
    folders
        Of smears that show no class of the set and whose licence lets a model learn from them.
    seed
        Of the variations.
    """
    random = np.random.default_rng(seed)
    image_sets = {
        **{path.name: folder(path) for path in folders},
        "photographs": bundled(TAUGHT_PHOTOGRAPHS),
        "noise": noise(TAUGHT_SEED),
        "blank": blank(TAUGHT_SEED),
        "synthetic": synthetic(TAUGHT_SEED),
    }
    return {
        name: np.concatenate([images, [augment(image, random) for image in images]])
        for name, images in image_sets.items()
    }


def collections(external: Sequence[Path]) -> dict[str, Images]:
    """Give every collection by its name; that of a folder is the folder's, once more without letterbox where it has."""
    external_sets = {path.name: folder(path) for path in external}
    for path in external:
        if (cut := without_letterbox(path)) is not None:
            external_sets[f"{path.name} centre"] = cut
    return {
        **external_sets,
        "photographs": bundled(PHOTOGRAPHS),
        "medical": bundled(MEDICAL),
        "noise": noise(),
        "blank": blank(),
        "synthetic": synthetic(),
    }


def _numbers(seed: int) -> range:
    return range(seed * DRAWN_PER_LABEL, (seed + 1) * DRAWN_PER_LABEL)


def _crops(picture: Images) -> list[Images]:
    height, width = picture.shape[:2]
    crops = []
    for side, most in CROPS:
        if side <= min(height, width):
            tops, lefts = (_starts(length, side, most) for length in (height, width))
            crops += [picture[top : top + side, left : left + side] for top in tops for left in lefts]
    return crops


def _starts(length: int, side: int, most: int) -> list[int]:
    """Spread starts evenly; neighbouring crops overlap by two thirds at most, nearly."""
    count = min(most, 1 + 3 * (length - side) // side)
    return sorted({round(start) for start in np.linspace(0, length - side, max(count, 1))})
