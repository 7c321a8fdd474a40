"""What is refused by its header, before a pixel is decoded.

The limits of pixels hold the peak of memory of any accepted file under 700 MB and its time under 3 s; the growth
benchmark (``python -m benchmarks growth``) measures both at the limit of every format.
"""

from typing import Final

from .errors import ImageTooLarge, ImageTooSmall

MIN_SIDE_PX: Final = 75
"""A third of the model's 224 px: below, most of what the model sees would be interpolated."""
MAX_SIDES_RATIO: Final = 4.0
"""A camera's field has 1 to 1.8, a strip of stitched fields up to 4."""
MAX_PIXELS: Final = 100_000_000

FORMAT_MAX_PIXELS: Final = {
    # Read at reduced scale.
    "JPEG": 100_000_000,
    # 4 bytes a pixel in Pillow, and the file.
    "PNG": 80_000_000,
    "BMP": 80_000_000,
    # libwebp holds two canvases, and Pillow a third: 17 bytes a pixel.
    "WEBP": 24_000_000,
    # One array of the file's own depth (``MAX_DECODED_BYTES``) and 8 bits of it in bands.
    "TIFF": 80_000_000,
    "DICOM": 40_000_000,
    # Wavelets and video frames: 8 to 12 bytes a pixel, and slow.
    "JPEG2000": 12_000_000,
    "AVIF": 32_000_000,
    "HEIF": 32_000_000,
}
CODEC_MAX_PIXELS: Final = {
    # What takes over 50 ns a pixel, within a TIFF or DICOM as in a file of its own.
    "JPEG 2000": 12_000_000,
    "LZMA": 12_000_000,
    "WebP": 24_000_000,
    "LERC": 24_000_000,
    "JPEG-LS": 24_000_000,
    "JPEG of 12 bits or lossless": 24_000_000,
}
MAX_DECODED_BYTES: Final = 200_000_000
"""Of one decoded image in the depth of its file, where it is not read at reduced scale."""


def check_pixels(size: tuple[int, int], max_pixels: int) -> None:
    """Refuse an image of more pixels than ``max_pixels``; ``size`` is width and height."""
    width, height = size
    if width * height > max_pixels:
        raise ImageTooLarge(
            f"The image is {width} x {height}, more than the limit of {max_pixels / 1e6:g} megapixels: "
            "send a part of it, or a smaller copy.",
            "too-many-pixels",
        )


def check_sides(size: tuple[int, int]) -> None:
    """Refuse an image of a shape that no field has: a side under ``MIN_SIDE_PX``, or far under the other."""
    width, height = size
    if min(width, height) < MIN_SIDE_PX:
        raise ImageTooSmall(
            f"The image is {width} x {height}; at least {MIN_SIDE_PX} x {MIN_SIDE_PX} is needed to see a cell: "
            "send the field as the camera gave it.",
            "too-small",
        )
    if max(width, height) > MAX_SIDES_RATIO * min(width, height):
        raise ImageTooSmall(
            f"The image is {width} x {height}, a shape that no field has: send a part whose longer side is at most "
            f"{MAX_SIDES_RATIO:g} times the shorter.",
            "no-field-shape",
        )


def check_codec(codec: str, size: tuple[int, int]) -> None:
    """Refuse more pixels than a slow codec decodes in time."""
    limit = CODEC_MAX_PIXELS.get(codec, MAX_PIXELS)
    if size[0] * size[1] > limit:
        raise ImageTooLarge(
            f"The image is {size[0]} x {size[1]}; with {codec} it may have {limit / 1e6:g} megapixels: send a part of "
            "it, or save it as baseline JPEG.",
            "too-many-pixels",
        )


def check_format(kind: str, size: tuple[int, int], max_pixels: int) -> None:
    """Refuse a shape that no field has, and more pixels than are decoded of this format."""
    limit = min(max_pixels, FORMAT_MAX_PIXELS[kind])
    if size[0] * size[1] > limit and limit < max_pixels:
        raise ImageTooLarge(
            f"The image is {size[0]} x {size[1]}; a {kind} file may have {limit / 1e6:g} megapixels, for it cannot be "
            "read at reduced scale: send a part of it, or save it as JPEG.",
            "too-many-pixels",
        )
    check_pixels(size, limit)
    check_sides(size)
