"""One image to send: bytes in memory, or a file that is read only when it is sent."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from api.schemas import ImageType

from .media import image_type

_SIGNATURE_BYTES = 16


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
    def media_type(self) -> ImageType | None:
        """What the first bytes say; None when they are of no image that the service reads."""
        with self.open() as stream:
            return image_type(stream.read(_SIGNATURE_BYTES))

    def open(self) -> BinaryIO:
        """Open the bytes for reading, from the start."""
        return io.BytesIO(self.origin) if isinstance(self.origin, bytes) else self.origin.open("rb")

    def read(self) -> bytes:
        """Read it whole."""
        return self.origin if isinstance(self.origin, bytes) else self.origin.read_bytes()
