"""Bytes of an image to the pixels that the model sees: the one decode and the one resize.

Training imports these very functions, so that what is learned from and what is served cannot drift apart.
"""

import hashlib
import io
import warnings
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from .errors import ImageError, ImageTooLarge, UnreadableImage
from .formats import png_size, sniff, tiff_frames
from .limits import MAX_PIXELS, check_pixels, check_planes, check_runs, check_sides, tiff_tag

WORKING_SIDE_PX: Final = 672
"""Larger images are read at reduced scale, but never below this shorter side: three times the 224 px input, where
a box reduction before the final resize is indistinguishable from none (Pillow's documentation of ``reducing_gap``)."""

_ORIENTATION_TAG: Final = 0x0112
_TRANSPOSES: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_PHOTOMETRIC: Final = 262
_WHITE_IS_ZERO: Final = 0
_TURNED: Final = frozenset({5, 6, 7, 8})

# `read_image` holds every image to its own limit before a pixel is decoded; Pillow's would warn well under it.
Image.MAX_IMAGE_PIXELS = None

# Pillow warns of each oddity of a damaged file, with words from it; whether the pixels can be read is told instead.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


@dataclass(frozen=True)
class Picture:
    """One decoded image.

    Attributes
    ----------
    pixels
        uint8[h, w, 3], RGB, oriented; at reduced scale for a large image.
    width, height
        Size in pixels of the whole image as oriented, whatever the scale of ``pixels``.
    format
        ``JPEG``, ``PNG``, ``TIFF``, ``BMP`` or ``WEBP``.
    frames
        Frames or pages in the file; ``pixels`` are of the first.
    sha256
        Hash of the file's bytes, in hexadecimal.
    microns_per_pixel
        Size of a pixel of the whole image, where the file tells it; None where it does not.
    """

    pixels: npt.NDArray[np.uint8]
    width: int
    height: int
    format: str
    frames: int
    sha256: str
    microns_per_pixel: float | None = None


def read_image(data: bytes, *, max_pixels: int = MAX_PIXELS, working_side_px: int = WORKING_SIDE_PX) -> Picture:
    """Decode the first frame of an image file to oriented RGB.

    Grey is repeated over the channels, 16-bit samples keep their high byte, an alpha channel is laid on white (a
    slide's background), and the EXIF orientation is applied. Embedded colour profiles are not.

    Parameters
    ----------
    data
        A JPEG, PNG, TIFF, BMP or WebP file; the type is told from the bytes.
    max_pixels
        Limit on width x height, checked in the header before decoding.
    working_side_px
        The shorter side below which a large image is not reduced; more where only parts of it are looked at.

    Returns
    -------
    Picture
        The pixels, at reduced scale where the shorter side allows it (``WORKING_SIDE_PX``), and facts of the file.

    Raises
    ------
    EmptyImage, NotAnImage, UnreadableImage, ImageTooSmall, ImageTooLarge
        What is wrong with the bytes.
    """
    kind = sniff(data)
    try:
        if kind == "PNG":
            check_pixels(png_size(data), max_pixels)
        image = Image.open(io.BytesIO(data), formats=[kind])
        check_pixels(image.size, max_pixels)
        check_sides(image.size)
        check_planes(image)
        check_runs(image, len(data))
        frames = tiff_frames(data) if kind == "TIFF" else getattr(image, "n_frames", 1)
        orientation = _orientation(image)
        width, height = image.size
        if kind == "JPEG":
            image.draft(None, (working_side_px, working_side_px))
        rgb = _reduce(_to_rgb(image, working_side_px), working_side_px)
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageTooLarge(
            f"The {kind} image takes more memory to decode than there is: send a smaller one."
        ) from error
    except Exception as error:  # decoders raise nearly every type on damaged bytes
        raise UnreadableImage(
            f"The {kind} file cannot be decoded; it is damaged or cut short. Save it again."
        ) from error
    if orientation in _TRANSPOSES:
        rgb = rgb.transpose(_TRANSPOSES[orientation])
    if orientation in _TURNED:
        width, height = height, width
    return Picture(np.asarray(rgb), width, height, kind, frames, hashlib.sha256(data).hexdigest())


def to_model_input(image: npt.NDArray[np.uint8], height: int, width: int) -> npt.NDArray[np.uint8]:
    """Resize to what the model takes: bicubic, antialiased, the whole field.

    Parameters
    ----------
    image
        uint8[h, w, 3], RGB. A field that is not of the model's aspect ratio is squeezed, not cropped.
    height, width
        Size in pixels of the model's input.

    Returns
    -------
    uint8[height, width, 3]
        ``image`` itself where it is that size already.
    """
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))


def _orientation(image: Image.Image) -> int:
    """Read the EXIF orientation; 1 (upright) where there is none or it is damaged."""
    if image.format == "TIFF":
        return 1  # Pillow orients a TIFF itself, size included, as it loads
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # noqa: BLE001 - a damaged EXIF block must not lose a readable image
        return 1


def _to_rgb(image: Image.Image, working_side_px: int) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        image.load()
        return image
    if image.mode.startswith("I;16"):
        # Pillow's own conversion clips at 255 instead of scaling, and leaves out a TIFF whose 0 is white.
        high = (np.asarray(image) >> 8).astype(np.uint8)
        image = Image.fromarray(255 - high if tiff_tag(image, _PHOTOMETRIC) == _WHITE_IS_ZERO else high)
    if image.mode in ("I", "F"):
        raise UnreadableImage("Samples of 32 bits have no agreed scale: save the image with 8 or 16 bits a channel.")
    if image.has_transparency_data:
        image = image if image.mode == "RGBA" else image.convert("RGBA")
        if _factor(image, working_side_px) > 1:
            # Premultiplied, a box reduction and the white commute; reducing first halves the peak of memory.
            image = _reduce(image.convert("RGBa"), working_side_px).convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        return white
    return image.convert("RGB")


def _factor(image: Image.Image, working_side_px: int) -> int:
    return min(image.size) // working_side_px


def _reduce(image: Image.Image, working_side_px: int) -> Image.Image:
    factor = _factor(image, working_side_px)
    return image.reduce(factor) if factor > 1 else image
