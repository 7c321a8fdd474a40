"""Bytes of an image to a calibrated answer. Knows no HTTP and no AWS."""

from intake import (
    MAX_PIXELS,
    MIN_SIDE_PX,
    EmptyImage,
    ImageError,
    ImageTooLarge,
    ImageTooSmall,
    NotAnImage,
    Picture,
    UnreadableImage,
    read_image,
    to_model_input,
)

from .answer import Answer, Outputs, Timings
from .card import CARD_NAME, ModelCard, read_card, sha256_of, write_card
from .classifier import Classifier, load
from .errors import ModelError

__all__ = [
    "CARD_NAME",
    "MAX_PIXELS",
    "MIN_SIDE_PX",
    "Answer",
    "Classifier",
    "EmptyImage",
    "ImageError",
    "ImageTooLarge",
    "ImageTooSmall",
    "ModelCard",
    "ModelError",
    "NotAnImage",
    "Outputs",
    "Picture",
    "Timings",
    "UnreadableImage",
    "load",
    "read_card",
    "read_image",
    "sha256_of",
    "to_model_input",
    "write_card",
]
