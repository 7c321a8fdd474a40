"""What can be wrong with the bytes of an image, each a type whose message says what to do."""

# ruff: noqa: N818 - the names say what is wrong


class ImageError(ValueError):
    """Base of everything that can be wrong with the bytes of an image."""


class EmptyImage(ImageError):
    """There are no bytes."""


class NotAnImage(ImageError):
    """The bytes begin like no image type that is read here."""


class UnreadableImage(ImageError):
    """The bytes begin like an image, but no decoder accepts them."""


class ImageTooSmall(ImageError):
    """A side is shorter than the minimum."""


class ImageTooLarge(ImageError):
    """More bytes or more pixels than the limit."""
