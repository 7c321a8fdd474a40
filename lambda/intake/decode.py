"""The one dispatch from a format to its reader; each reader's library is loaded when its format is met."""

import struct
from typing import Final

from PIL import Image

from . import jpeg, png
from .errors import DecoderMissing, ImageError, ImageTooLarge, UnreadableImage
from .formats import changed_on_the_way
from .jpeg_header import read_header
from .raster import Decoded

# Every size is held to this package's own limits before a pixel is decoded; Pillow's would warn well under them.
Image.MAX_IMAGE_PIXELS = None

_NAMES: Final = {"WEBP": "WebP", "JPEG2000": "JPEG 2000", "HEIF": "HEIC"}


def decode_here(data: bytes, kind: str, max_pixels: int) -> Decoded | None:
    """Decode in this process where the header proves the work small; None where it does not.

    Raises
    ------
    ImageError
        What is wrong with the file.
    """
    if kind == "JPEG":
        header = read_header(data)
        jpeg.check(header, max_pixels)
        return jpeg.read(data, header) if jpeg.is_cheap(header, data) else None
    if kind == "PNG":
        png.check_size(data, max_pixels)
        chunks = png.read_header(data)
        return png.read(data, chunks) if png.is_cheap(chunks) else None
    return None


def decode(data: bytes, kind: str, max_pixels: int) -> Decoded:
    """Decode an image, however much work it is.

    Raises
    ------
    ImageError
        What is wrong with the file.
    """
    if kind == "JPEG":
        header = read_header(data)
        jpeg.check(header, max_pixels)
        return jpeg.read(data, header)
    if kind == "PNG":
        return png.read(data, png.read_header(data))
    if kind == "TIFF":
        from . import tiff

        return tiff.read(data, max_pixels)
    if kind == "DICOM":
        from . import dicom

        return dicom.read(data, max_pixels)
    from . import pillow_files

    return pillow_files.read(data, kind, max_pixels)


def in_callers_terms(error: Exception, data: bytes, kind: str) -> ImageError | DecoderMissing:
    """Name whatever a decoder raised: what is wrong with the image, or that the decoder is not here."""
    name = _NAMES.get(kind, kind)
    if isinstance(error, ImportError):
        return DecoderMissing(name, error.name or str(error))
    if isinstance(error, MemoryError):
        return ImageTooLarge(
            f"The {name} image takes more memory to decode than one image may: send a smaller one.", "too-costly"
        )
    changed = changed_on_the_way(data)
    if changed is not None:
        return changed
    if isinstance(error, ImageError):
        return error
    if isinstance(error, EOFError | struct.error) or "truncated" in str(error).lower():
        return UnreadableImage(f"The {name} file is cut short: send it again from its source.", "cut-short")
    if "unsupported" in str(error).lower():
        return UnreadableImage(
            f"The {name} file has a coding that is not read: save it as PNG, or as TIFF with LZW.", "coding-not-read"
        )
    return UnreadableImage(
        f"The {name} file cannot be decoded: it is damaged or breaks the rules of its format. Send it again from "
        "its source, or save it as PNG.",
        "damaged",
    )
