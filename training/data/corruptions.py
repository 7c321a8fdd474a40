"""What may happen to a field between the microscope and the model; each keeps what the cells are.

All take and give uint8[h, w, 3], RGB.

``augment`` draws several at once, for training; ``DISTURBANCES`` are single ones, for the robustness table.
"""

import io
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from skimage.color import hed2rgb, rgb2hed

from inference import read_image, to_model_input

Field = NDArray[np.uint8]
Change = Callable[[Field], Field]

STAIN = 0.25
"""Largest relative change of each of the two stains: batches of one laboratory differ by 5 to 20 % (Tellez et al., IEEE
Trans. Med. Imaging 37, 2018)."""
BRIGHTNESS = 0.2
"""Largest relative change."""
BLUR_PX = (0.3, 2.0)
SHARE_OF_SIDE = (0.4, 0.9)
QUALITY = (20, 85)
"""Ranges from hardly visible to what a careless export or a cheap adapter does."""


def augment(field: Field, random: np.random.Generator) -> Field:
    """Change a field as several of these at once may, each by a random amount, and some not at all."""
    return apply(draw_changes(random), field)


def draw_changes(random: np.random.Generator) -> list[Change]:
    """Draw what ``augment`` does to a field: as many numbers whatever it shows, so that nobody need look at it."""
    changes: list[Change] = []
    if random.random() < 0.6:
        nuclear, counter = random.uniform(-STAIN, STAIN, 2)
        changes.append(partial(restain, nuclear=nuclear, counter=counter))
    if random.random() < 0.6:
        changes.append(partial(lighten, factor=random.uniform(1 - BRIGHTNESS, 1 + BRIGHTNESS)))
    focus = random.random()
    if focus < 0.35:
        changes.append(partial(blur, radius_px=random.uniform(*BLUR_PX)))
    elif focus < 0.6:
        changes.append(partial(shrink, share=random.uniform(*SHARE_OF_SIDE)))
    if random.random() < 0.5:
        changes.append(partial(jpeg, quality=int(random.integers(*QUALITY))))
    return changes


def apply(changes: Sequence[Change], field: Field) -> Field:
    """Change a field by one thing after another."""
    for change in changes:
        field = change(field)
    return field


def jpeg(field: Field, quality: int) -> Field:
    """Save as JPEG of this quality (1 to 95), and read as the service reads it."""
    buffer = io.BytesIO()
    Image.fromarray(field).save(buffer, "JPEG", quality=quality)
    return read_image(buffer.getvalue()).pixels


def blur(field: Field, radius_px: float) -> Field:
    """Put it out of focus, by a Gaussian of this standard deviation."""
    return np.asarray(Image.fromarray(field).filter(ImageFilter.GaussianBlur(radius_px)))


def lighten(field: Field, factor: float) -> Field:
    """Turn the lamp up or down; a sensor clips."""
    lit: Field = np.clip(field.astype(np.float32) * factor, 0, 255).round().astype(np.uint8)
    return lit


def restain(field: Field, nuclear: float, counter: float) -> Field:
    """Change the strength of the two stains, told apart as Ruifrok and Johnston do.

    Anal. Quant. Cytol. Histol. 23, 2001. The vectors are those of haematoxylin and eosin; a blood stain's blue and pink
    are near enough to them for a shift that keeps every structure.

    Parameters
    ----------
    field
        As photographed.
    nuclear, counter : float
        Relative changes: 0.2 is a fifth stronger.
    """
    stains = rgb2hed(field)
    shifted: NDArray[np.float64] = hed2rgb(stains * np.array([1 + nuclear, 1 + counter, 1.0]))
    stained: Field = (np.clip(shifted, 0, 1) * 255).round().astype(np.uint8)
    return stained


def shrink(field: Field, share: float) -> Field:
    """Photograph with this share of the pixels a side, and enlarge again."""
    height, width = field.shape[:2]
    return to_model_input(to_model_input(field, round(height * share), round(width * share)), height, width)


def add_noise(field: Field, deviation: float) -> Field:
    """Add a sensor's noise of this standard deviation, in levels of 255; the same noise for the same field."""
    random = np.random.default_rng(int(field.sum()))
    noisy: Field = np.clip(field + random.normal(0, deviation, field.shape), 0, 255).round().astype(np.uint8)
    return noisy


JPEG_QUALITY = 30
TESTED_BLUR_PX = 1.5
BRIGHTER, DARKER = 1.15, 0.85
TESTED_STAIN = 0.2
TESTED_SHARE_OF_SIDE = 0.5
NOISE_LEVELS = 8

DISTURBANCES: dict[str, Change] = {
    "none": lambda field: field,
    "jpeg_30": partial(jpeg, quality=JPEG_QUALITY),
    "blur": partial(blur, radius_px=TESTED_BLUR_PX),
    "brighter": partial(lighten, factor=BRIGHTER),
    "darker": partial(lighten, factor=DARKER),
    "stain_bluer": partial(restain, nuclear=TESTED_STAIN, counter=-TESTED_STAIN),
    "stain_pinker": partial(restain, nuclear=-TESTED_STAIN, counter=TESTED_STAIN),
    "half_resolution": partial(shrink, share=TESTED_SHARE_OF_SIDE),
    "noise": partial(add_noise, deviation=NOISE_LEVELS),
}
TOLD = {
    "none": "undisturbed",
    "jpeg_30": f"JPEG of quality {JPEG_QUALITY}",
    "blur": f"Gaussian blur of {TESTED_BLUR_PX} px",
    "brighter": f"{BRIGHTER - 1:.0%} brighter",
    "darker": f"{1 - DARKER:.0%} darker",
    "stain_bluer": f"nuclear stain {TESTED_STAIN:.0%} stronger, counterstain {TESTED_STAIN:.0%} weaker",
    "stain_pinker": f"nuclear stain {TESTED_STAIN:.0%} weaker, counterstain {TESTED_STAIN:.0%} stronger",
    "half_resolution": "half the resolution",
    "noise": f"sensor noise of {NOISE_LEVELS} levels of 255, which training never varies",
}
"""Each disturbance in words."""
