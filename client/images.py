"""One image to send: bytes in memory, or a file that is read only when it is sent.

Its media type is told by its first bytes: a file's name says little.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from api.schemas import ImageType

_SIGNATURES: tuple[tuple[bytes, ImageType], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"II+\x00", "image/tiff"),
    (b"MM\x00+", "image/tiff"),
    (b"BM", "image/bmp"),
    (b"\x00\x00\x00\x0cjP  ", "image/jp2"),
    (b"\xff\x4f\xff\x51", "image/jp2"),
)
_BRANDS: dict[bytes, ImageType] = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heic",
}
UNKNOWN: ImageType = "application/octet-stream"


def image_type(data: bytes) -> ImageType:
    """Give the media type that the first bytes tell.

    For bytes that tell none it is one that says nothing: the service knows more types, and names what it refuses.

    Examples
    --------
    >>> image_type(b"RIFF....WEBPVP8 ")
    'image/webp'
    """
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:8] == b"ftyp" and data[8:12] in _BRANDS:
        return _BRANDS[data[8:12]]
    if data[128:132] == b"DICM":
        return "application/dicom"
    return next((kind for signature, kind in _SIGNATURES if data.startswith(signature)), UNKNOWN)


_SIGNATURE_BYTES = 132


@dataclass(frozen=True, slots=True)
class ImageSource:
    """Where an image's bytes come from.

    Parameters
    ----------
    origin
        The bytes themselves, or the file that holds them.
    """

    origin: bytes | Path

    @property
    def size_bytes(self) -> int:
        """Size of the file, unread."""
        return len(self.origin) if isinstance(self.origin, bytes) else self.origin.stat().st_size

    @property
    def media_type(self) -> ImageType:
        """What the first bytes say."""
        with self.open() as stream:
            return image_type(stream.read(_SIGNATURE_BYTES))

    def open(self) -> BinaryIO:
        """Open the bytes for reading, from the start."""
        return io.BytesIO(self.origin) if isinstance(self.origin, bytes) else self.origin.open("rb")

    def read(self) -> bytes:
        """Read it whole."""
        return self.origin if isinstance(self.origin, bytes) else self.origin.read_bytes()
