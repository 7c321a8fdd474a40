"""Tells an image's type from its first bytes: neither a file name nor a header is believed."""

import struct
from typing import Final

from .errors import EmptyImage, NotAnImage

ACCEPTED: Final = "JPEG, PNG, TIFF, BMP or WebP"
MAX_FRAMES_COUNTED: Final = 10_000
"""A TIFF's directories may overlap, so a small file can chain very many; no slide scan holds more."""

_SIGNATURES: Final = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),  # BigTIFF
    (b"MM\x00+", "TIFF"),
    (b"BM", "BMP"),
)


def sniff(data: bytes) -> str:
    r"""Name the image type that the bytes begin like.

    Parameters
    ----------
    data
        The file.

    Returns
    -------
    str
        Pillow's name of the format: ``JPEG``, ``PNG``, ``TIFF``, ``BMP`` or ``WEBP``.

    Raises
    ------
    EmptyImage
        Without a byte.
    NotAnImage
        For any other beginning.

    Examples
    --------
    >>> sniff(b"BM\x46\x00")
    'BMP'
    """
    if not data:
        raise EmptyImage(f"The image is empty: send the bytes of a {ACCEPTED} file.")
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    raise NotAnImage(f"The bytes are not those of an image type read here: send a {ACCEPTED} file.")


def png_size(data: bytes) -> tuple[int, int]:
    """Read a PNG's width and height in pixels where the format puts them, however little follows.

    Raises
    ------
    struct.error
        Where the file ends before.
    """
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def tiff_frames(data: bytes) -> int:
    """Count a TIFF's image directories without reading what is in them.

    Pillow's own count parses every directory, which a hostile file makes arbitrarily slow.

    Parameters
    ----------
    data
        The file, classic TIFF or BigTIFF.

    Returns
    -------
    int
        At least 1; the count stops at a broken or repeated link and at ``MAX_FRAMES_COUNTED``.
    """
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\x00", b"\x00+")
    link, count, entry_bytes = (order + "Q", order + "Q", 20) if big else (order + "L", order + "H", 12)
    position = 8 if big else 4
    seen: set[int] = set()
    try:
        while len(seen) < MAX_FRAMES_COUNTED:
            (offset,) = struct.unpack_from(link, data, position)
            if offset == 0 or offset in seen:
                break
            (entries,) = struct.unpack_from(count, data, offset)
            seen.add(offset)
            position = offset + struct.calcsize(count) + entries * entry_bytes
    except struct.error:
        pass  # a link out of the file ends the chain; whether the first frame is whole, its decoder says
    return max(1, len(seen))
