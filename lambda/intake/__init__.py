"""Bytes of an image to the pixels that the model sees. Knows no model, no HTTP and no AWS."""

from .errors import (
    DecoderMissing,
    DecoderUnavailable,
    EmptyImage,
    ImageError,
    ImageTooLarge,
    ImageTooSmall,
    NotAnImage,
    UnreadableImage,
)
from .formats import ACCEPTED, FORMATS, SUFFIXES, sniff
from .limits import MAX_PIXELS, MIN_SIDE_PX
from .picture import Picture, read_image, to_model_input

__all__ = [
    "ACCEPTED",
    "FORMATS",
    "MAX_PIXELS",
    "MIN_SIDE_PX",
    "SUFFIXES",
    "DecoderMissing",
    "DecoderUnavailable",
    "EmptyImage",
    "ImageError",
    "ImageTooLarge",
    "ImageTooSmall",
    "NotAnImage",
    "Picture",
    "UnreadableImage",
    "read_image",
    "sniff",
    "to_model_input",
]
