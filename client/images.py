"""One image to send: bytes in memory, or a file that is read only when it is sent.

Its media type is told by its first bytes: a file's name says little.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from api.schemas import ImageType
from intake import FORMATS, ImageError, sniff

UNKNOWN: ImageType = "application/octet-stream"


def image_type(data: bytes) -> ImageType:
    """Give the media type that the first bytes show.

    For bytes that tell none it is one that says nothing: the service names what it refuses.

    Examples
    --------
    >>> image_type(b"RIFF....WEBPVP8 ")
    'image/webp'
    """
    try:
        return cast("ImageType", FORMATS[sniff(data)].media_type)
    except ImageError:
        return UNKNOWN


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
        """Size of the image in bytes, without reading a file."""
        return len(self.origin) if isinstance(self.origin, bytes) else self.origin.stat().st_size

    @property
    def media_type(self) -> ImageType:
        """Media type that the first bytes show."""
        with self.open() as stream:
            return image_type(stream.read(_SIGNATURE_BYTES))

    def open(self) -> BinaryIO:
        """Open the bytes for reading, from the start."""
        return io.BytesIO(self.origin) if isinstance(self.origin, bytes) else self.origin.open("rb")

    def read(self) -> bytes:
        """Read the whole image."""
        return self.origin if isinstance(self.origin, bytes) else self.origin.read_bytes()
