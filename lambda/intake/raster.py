"""From decoded samples to the picture that the model sees: reduced in bands, in sRGB, on white, upright."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from .colour import by_gamma, on_white, to_srgb
from .source import Source

WORKING_SIDE_PX: Final = 672
"""Larger images are read at reduced scale, but never below this shorter side: three times the 224 px input, where
a box reduction before the final resize is indistinguishable from none (Pillow's documentation of ``reducing_gap``)."""

_BAND_PIXELS: Final = 1 << 20
_TRANSPOSES: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TURNED: Final = frozenset({5, 6, 7, 8})


@dataclass(frozen=True)
class Decoded:
    """One decoded image, whatever its format.

    Attributes
    ----------
    pixels
        uint8[h, w, 3], sRGB, oriented; at reduced scale for a large image.
    width, height
        Size in pixels of the whole image as oriented, whatever the scale of ``pixels``.
    frames
        Frames or pages in the file; ``source.frame`` tells which ``pixels`` are of.
    source, notes
        What of the file was read and how: for programs, and for people.
    """

    pixels: npt.NDArray[np.uint8]
    width: int
    height: int
    frames: int
    source: Source
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Colour:
    """What a file says of its colours.

    Attributes
    ----------
    profile
        ICC profile.
    gamma, chromaticities
        Of a PNG without a profile; see ``colour.by_gamma``.
    """

    profile: bytes | None = None
    gamma: float | None = None
    chromaticities: tuple[float, ...] | None = None


Band = Callable[[int, int], Image.Image]
"""Gives rows ``top`` to ``bottom`` as L, RGB, RGBA, LA or CMYK, 8 bits a sample."""


_working_side_px: ContextVar[int] = ContextVar("working_side_px", default=WORKING_SIDE_PX)


@contextmanager
def working_at(side_px: int) -> Iterator[None]:
    """Decode at another scale while the ``with`` lasts: images are not reduced below this shorter side."""
    token = _working_side_px.set(max(1, side_px))
    try:
        yield
    finally:
        _working_side_px.reset(token)


def factor_of(size: tuple[int, int]) -> int:
    """Give the whole number by which an image can be reduced and stay at working scale."""
    return max(1, min(size) // _working_side_px.get())


def reduced(size: tuple[int, int], band: Band) -> tuple[Image.Image, Image.Image | None]:
    """Bring an image to working scale band by band, so that no second copy of the whole is held.

    Returns
    -------
    colour, alpha
        L, RGB or CMYK, and L or None.
    """
    width, height = size
    factor = factor_of(size)
    rows = factor * max(1, _BAND_PIXELS // (width * factor))
    whole: Image.Image | None = None
    grey = False
    for top in range(0, height, rows):
        part = band(top, min(height, top + rows))
        if part.mode in ("LA", "RGBA"):
            grey = part.mode == "LA"
            # Premultiplied, a box reduction and the white commute.
            part = part.convert("RGBA").convert("RGBa") if factor > 1 else part.convert("RGBA")
        part = part.reduce(factor) if factor > 1 else part
        if part.mode == "RGBa":
            part = part.convert("RGBA")
        if whole is None:
            whole = Image.new(part.mode, (-(-width // factor), -(-height // factor)))
        whole.paste(part, (0, top // factor))
    if whole is None:
        raise ValueError("an image without rows")
    if whole.mode != "RGBA":
        return whole, None
    return (whole.getchannel("R") if grey else whole.convert("RGB")), whole.getchannel("A")


def finish(
    size: tuple[int, int],
    band: Band,
    colour: Colour,
    source: Source,
    *,
    frames: int = 1,
    notes: tuple[str, ...] = (),
) -> Decoded:
    """Reduce, colour-correct and turn an image as stored into the picture that the model sees.

    Parameters
    ----------
    size
        Width and height of the whole image as stored.
    band
        Gives its rows.
    colour
        What the file says of its colours.
    source
        Its ``orientation`` is applied here, and ``profile`` filled in.

    Returns
    -------
    Decoded
        The pixels and the facts.
    """
    stored, alpha = reduced(size, band)
    rgb, profile = to_srgb(stored, colour.profile)
    corrected = None
    if colour.profile is None:
        corrected = by_gamma(np.asarray(rgb), colour.gamma, colour.chromaticities)
        if corrected is not None:
            rgb, profile = Image.fromarray(corrected), "PNG gamma"
    image = on_white(rgb, alpha)
    if alpha is not None and image is not rgb:
        notes = (*notes, "Transparent places were laid on white.")
    width, height = size
    if source.orientation in _TRANSPOSES:
        image = image.transpose(_TRANSPOSES[source.orientation])
    if source.orientation in _TURNED:
        width, height = height, width
    return Decoded(np.asarray(image), width, height, frames, replace(source, profile=profile), notes)
