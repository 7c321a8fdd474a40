"""The media type of an image, by its first bytes: a file's name says little."""

from api.schemas import ImageType

_SIGNATURES: tuple[tuple[bytes, ImageType], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"II+\x00", "image/tiff"),
    (b"MM\x00+", "image/tiff"),
    (b"BM", "image/bmp"),
)


def image_type(data: bytes) -> ImageType | None:
    """Give the media type of an image that the service may read, or None.

    Examples
    --------
    >>> image_type(b"RIFF....WEBPVP8 ")
    'image/webp'
    """
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for signature, kind in _SIGNATURES if data.startswith(signature)), None)
