"""What is refused by its header, before a pixel is decoded."""

from collections.abc import Mapping
from typing import Final

from PIL import Image

from .errors import ImageTooLarge, ImageTooSmall, UnreadableImage

MIN_SIDE_PX: Final = 64
MAX_PIXELS: Final = 100_000_000

MAX_RUN_LENGTH_BYTES: Final = 4_500_000
"""About 3 s of decoding."""
_RUN_LENGTH: Final = frozenset({1, 2})  # BI_RLE8, BI_RLE4
_BITS_PER_SAMPLE: Final = 258
_PLANAR_CONFIGURATION: Final = 284
_SEPARATE: Final = 2


def check_pixels(size: tuple[int, int], max_pixels: int) -> None:
    """Refuse an image of more pixels than ``max_pixels``; ``size`` is width and height."""
    width, height = size
    if width * height > max_pixels:
        raise ImageTooLarge(
            f"The image is {width} x {height}, more than the limit of {max_pixels / 1e6:g} megapixels: "
            "send a part of it, or a smaller copy."
        )


def check_sides(size: tuple[int, int]) -> None:
    """Refuse an image whose shorter side is under ``MIN_SIDE_PX``."""
    width, height = size
    if min(width, height) < MIN_SIDE_PX:
        raise ImageTooSmall(
            f"The image is {width} x {height}; at least {MIN_SIDE_PX} x {MIN_SIDE_PX} is needed to see a cell."
        )


def tiff_tag(image: Image.Image, number: int) -> object:
    """Give the value of a TIFF's tag; None where it has none, or is no TIFF."""
    tags: Mapping[int, object] = getattr(image, "tag_v2", {}) if image.format == "TIFF" else {}
    return tags.get(number)


def check_planes(image: Image.Image) -> None:
    """Refuse what Pillow would misread without a word: 16-bit channels, each in a plane of its own."""
    bits = tiff_tag(image, _BITS_PER_SAMPLE)
    separate = tiff_tag(image, _PLANAR_CONFIGURATION) == _SEPARATE
    if separate and isinstance(bits, tuple) and len(bits) > 1 and max(bits) > 8:
        raise UnreadableImage("16-bit channels in separate planes are not read: save the TIFF with them interleaved.")


def check_runs(image: Image.Image, size_bytes: int) -> None:
    """Refuse a large run-length encoded BMP: Pillow decodes it in Python, and 25 MB would take a gateway's 30 s."""
    if image.format == "BMP" and image.info.get("compression") in _RUN_LENGTH and size_bytes > MAX_RUN_LENGTH_BYTES:
        raise ImageTooLarge(
            f"A run-length encoded BMP may have {MAX_RUN_LENGTH_BYTES} bytes, and this one has {size_bytes}: "
            "save it as PNG."
        )
