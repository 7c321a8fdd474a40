"""A copy of an image that holds its pixels and nothing else: no name, place, time, text, preview or trailing byte."""

import io
import struct
from typing import Final

import numpy as np
from PIL import Image

from .jpeg_header import APP0, APP14, SOI, SOS, segments
from .limits import MAX_PIXELS
from .picture import Picture, read_image

FULL_SIDE_PX: Final = 1 << 30
"""As the side below which an image is not reduced: never."""
_KEPT: Final = frozenset({*range(0xC0, 0xD0), 0xDA, 0xDB, 0xDC, 0xDD}) - {0xC8}
"""JPEG segments that pixels are made from (ITU-T T.81, table B.1): frames, tables, scans, lines, restart intervals."""
_JFIF: Final = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
_ADOBE_BYTES: Final = 12
"""``Adobe``, a version, two flags and the transform, which tells how colours are stored."""
_ORIENTATION_TAG: Final = 0x0112


def without_metadata(data: bytes, *, max_pixels: int = MAX_PIXELS) -> tuple[bytes, str]:
    """Copy an image's pixels.

    A JPEG keeps its compressed pixels as they are, and of its header what they are decoded by; every other format
    becomes a PNG of the pixels that the model sees, at full size and upright, without loss.

    Parameters
    ----------
    data
        A file that ``read_image`` reads.
    max_pixels
        Limit on width x height.

    Returns
    -------
    tuple[bytes, str]
        The copy, and ``jpeg`` or ``png``.

    Raises
    ------
    ImageError
        What is wrong with the bytes.
    """
    picture = read_image(data, max_pixels=max_pixels)
    if picture.format == "JPEG":
        copy = _stripped_jpeg(data)
        if copy is not None and _same(picture, copy, max_pixels):
            return copy, "jpeg"
    whole = read_image(data, max_pixels=max_pixels, working_side_px=FULL_SIDE_PX)
    file = io.BytesIO()
    Image.fromarray(whole.pixels).save(file, "PNG")
    return file.getvalue(), "png"


def _same(picture: Picture, copy: bytes, max_pixels: int) -> bool:
    try:
        return np.array_equal(picture.pixels, read_image(copy, max_pixels=max_pixels).pixels)
    except Exception:  # noqa: BLE001 - whatever a copy lacks: the pixels are then written anew
        return False


def _stripped_jpeg(data: bytes) -> bytes | None:
    """Copy the segments that pixels are made from, up to the first end of image; None for an odd file."""
    kept, extra = [SOI], _orientation(data)
    in_scan, last = False, len(SOI)
    for marker, begin, end in segments(data):
        between, last = data[last:begin].rstrip(b"\xff"), end  # bytes that fill may stand before any marker
        if in_scan:
            kept.append(between)
        elif between:
            return None
        segment, in_scan = data[begin:end], marker == SOS
        if marker in _KEPT:
            kept += [extra, segment]
            extra = b""
        elif marker == APP0 and segment[4:9] == b"JFIF\x00" and len(kept) == 1:
            kept.append(_JFIF)
        elif marker == APP14 and segment[4:9] == b"Adobe":
            kept.append(b"\xff\xee" + struct.pack(">H", 2 + _ADOBE_BYTES) + segment[4 : 4 + _ADOBE_BYTES])
    return b"".join([*kept, data[last:] if in_scan else b"", b"\xff\xd9"])


def _orientation(data: bytes) -> bytes:
    """Write the one tag that pixels need, where they are not upright (Exif 2.32, 4.6.4)."""
    try:
        turned = int(Image.open(io.BytesIO(data), formats=["JPEG"]).getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # noqa: BLE001 - as in read_image: a damaged block turns nothing
        return b""
    if not 2 <= turned <= 8:
        return b""
    tags = b"Exif\x00\x00MM\x00*\x00\x00\x00\x08" + struct.pack(">HHHIHHI", 1, _ORIENTATION_TAG, 3, 1, turned, 0, 0)
    return b"\xff\xe1" + struct.pack(">H", 2 + len(tags)) + tags
