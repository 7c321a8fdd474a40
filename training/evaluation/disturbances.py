"""What may happen to a field between the microscope and the model; each keeps what the cells are.

All take and give uint8[h, w, 3], RGB.
"""

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from skimage.color import hed2rgb, rgb2hed

from inference import read_image, to_model_input

Field = NDArray[np.uint8]

JPEG_QUALITY = 30
BLUR_PX = 1.5
BRIGHTER, DARKER = 1.15, 0.85
STAIN = 0.2
"""Relative change of the two stains: batches of one laboratory differ by about as much (Tellez et al., IEEE Trans. Med.
Imaging 37, 2018, vary each by 5 to 20 %)."""


def jpeg(field: Field) -> Field:
    """Save as JPEG of low quality, and read as the service reads it."""
    buffer = io.BytesIO()
    Image.fromarray(field).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return read_image(buffer.getvalue()).pixels


def blur(field: Field) -> Field:
    """Put it out of focus."""
    return np.asarray(Image.fromarray(field).filter(ImageFilter.GaussianBlur(BLUR_PX)))


def lighten(field: Field, factor: float) -> Field:
    """Turn the lamp up or down; a sensor clips."""
    lit: Field = np.clip(field.astype(np.float32) * factor, 0, 255).round().astype(np.uint8)
    return lit


def restain(field: Field, nuclear: float, counter: float) -> Field:
    """Change the strength of the two stains, told apart as Ruifrok and Johnston do.

    Anal. Quant. Cytol. Histol. 23, 2001. The vectors are those of haematoxylin and eosin; a blood stain's blue and pink
    are near enough to them for a shift that keeps every structure.
    """
    stains = rgb2hed(field)
    shifted: NDArray[np.float64] = hed2rgb(stains * np.array([1 + nuclear, 1 + counter, 1.0]))
    stained: Field = (np.clip(shifted, 0, 1) * 255).round().astype(np.uint8)
    return stained


def halve(field: Field) -> Field:
    """Photograph with half the pixels a side."""
    height, width = field.shape[:2]
    return to_model_input(to_model_input(field, height // 2, width // 2), height, width)


DISTURBANCES: dict[str, Callable[[Field], Field]] = {
    "none": lambda field: field,
    "jpeg_30": jpeg,
    "blur": blur,
    "brighter": lambda field: lighten(field, BRIGHTER),
    "darker": lambda field: lighten(field, DARKER),
    "stain_bluer": lambda field: restain(field, STAIN, -STAIN),
    "stain_pinker": lambda field: restain(field, -STAIN, STAIN),
    "half_resolution": halve,
}
TOLD = {
    "none": "undisturbed",
    "jpeg_30": f"JPEG of quality {JPEG_QUALITY}",
    "blur": f"Gaussian blur of {BLUR_PX} px",
    "brighter": f"{BRIGHTER - 1:.0%} brighter",
    "darker": f"{1 - DARKER:.0%} darker",
    "stain_bluer": f"nuclear stain {STAIN:.0%} stronger, counterstain {STAIN:.0%} weaker",
    "stain_pinker": f"nuclear stain {STAIN:.0%} weaker, counterstain {STAIN:.0%} stronger",
    "half_resolution": "half the resolution",
}
"""Each disturbance in words."""
