"""What can be wrong with the bytes of an image: a type, a stable code, and a message that says what to do."""

# ruff: noqa: N818 - the names say what is wrong

from typing import Final

REASONS: Final = {
    "empty": "no bytes",
    "not-an-image": "bytes of no known image type",
    "format-not-read": "an image type that is recognised and not read",
    "text-mode-transfer": "line ends were changed on the way, as FTP's text mode does",
    "read-as-text": "the bytes went through a program that took them for text (UTF-8)",
    "base64": "base64 text in place of bytes",
    "web-page": "a web page in place of an image",
    "cut-short": "the file ends before the image does",
    "damaged": "checksums or compressed data that do not fit",
    "coding-not-read": "sound, with a compression or layout that is not read",
    "samples-not-read": "sound, with samples that have no agreed scale, such as 32 bits",
    "channels-not-colour": "channels that are not red, green and blue",
    "colour-unknown": "CMYK without a profile, or a profile that cannot be applied",
    "transparent": "no pixel that is not fully transparent",
    "whole-slide": "a scan of a whole slide, not a field",
    "too-small": "a side under the minimum",
    "no-field-shape": "one side many times the other",
    "too-many-pixels": "more pixels than the limit of this format",
    "too-many-fields": "by its pixel size, more fields of the size that the model knows than one answer holds",
    "too-costly": "more work to decode than an image needs: scans, tiles, strips, run lengths, time or memory",
}
"""Every ``reason`` by which an image is refused; docs/api.md lists them."""


class ImageError(ValueError):
    """Base of everything that can be wrong with the bytes of an image.

    Attributes
    ----------
    reason
        One of ``REASONS``.
    """

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class EmptyImage(ImageError):
    """There are no bytes."""


class NotAnImage(ImageError):
    """The bytes begin like no image type that is read here."""


class UnreadableImage(ImageError):
    """The bytes begin like an image, but cannot be read."""


class ImageTooSmall(ImageError):
    """A side is shorter than the minimum, or far shorter than the other."""


class ImageTooLarge(ImageError):
    """More pixels, or more work to decode, than the limit."""


class DecoderUnavailable(RuntimeError):
    """Nothing decodes this format here: no fault of the image, and so no ``ImageError``."""


class DecoderMissing(DecoderUnavailable):
    """A decoder's package is not installed here.

    Attributes
    ----------
    format, package
        What cannot be decoded, and what it needs.
    """

    def __init__(self, format: str, package: str) -> None:  # noqa: A002 - the word of the attribute
        super().__init__(
            f"{format} images cannot be decoded here: the package {package} is not installed. Nothing is wrong with "
            "the image; whoever runs the service has to install it."
        )
        self.format, self.package = format, package


def damaged(what: str) -> UnreadableImage:
    """Name data that do not fit."""
    return UnreadableImage(f"{what}: the file is damaged. Send it again from its source.", "damaged")


def cut_short(what: str) -> UnreadableImage:
    """Name a file that ends too early."""
    return UnreadableImage(
        f"{what}: the file is cut short. Send it again from its source, and let the copy finish.", "cut-short"
    )
