"""Bytes of an image to the pixels that the model sees: the one decode and the one resize.

Training imports these very functions, so that what is learned from and what is served cannot drift apart.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from .decode import decode_here, in_callers_terms
from .errors import ImageError
from .formats import sniff
from .limits import MAX_PIXELS
from .process import DecodingProcess
from .raster import WORKING_SIDE_PX, Decoded, working_at

_process = DecodingProcess()


@dataclass(frozen=True, kw_only=True)
class Picture(Decoded):
    """One decoded image, and the file that it is of.

    Attributes
    ----------
    format
        ``JPEG``, ``PNG``, ``TIFF``, ``BMP``, ``WEBP``, ``HEIF``, ``AVIF``, ``JPEG2000`` or ``DICOM``.
    sha256
        Hash of the file's bytes, in hexadecimal.
    """

    format: str
    sha256: str

    @property
    def microns_per_pixel(self) -> float | None:
        """Size of a pixel of the whole image in micrometres; None where the file does not tell."""
        return self.source.microns_per_pixel


def read_image(data: bytes, *, max_pixels: int = MAX_PIXELS, working_side_px: int = WORKING_SIDE_PX) -> Picture:
    """Decode the field in an image file to oriented sRGB.

    The work is bounded by the file's header before a pixel is decoded. What is plainly little is decoded here; the
    rest by a process apart, which is ended where it takes too long.

    Parameters
    ----------
    data
        A JPEG, PNG, TIFF, BMP, WebP, HEIC, AVIF, JPEG 2000 or DICOM file; the type is told from the bytes.
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
        What is wrong with the bytes; ``reason`` is its stable code.
    DecoderUnavailable
        The package that decodes this format is not installed, or the process that decodes does not start.
    """
    kind = sniff(data)
    try:
        with working_at(working_side_px):
            decoded = decode_here(data, kind, max_pixels)
    except Exception as error:
        named = in_callers_terms(error, data, kind)
        if named is error:
            raise
        raise named from error
    if decoded is None:
        decoded = _process.decode(data, kind, max_pixels, working_side_px)
    return Picture(**vars(decoded), format=kind, sha256=hashlib.sha256(data).hexdigest())


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


__all__ = ["WORKING_SIDE_PX", "ImageError", "Picture", "read_image", "to_model_input"]
