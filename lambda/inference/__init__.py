"""Bytes of an image to a calibrated answer. Knows no HTTP and no AWS."""

from intake import (
    MAX_PIXELS,
    MIN_SIDE_PX,
    DecoderUnavailable,
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

from .answer import Answer, Decision, Magnification, Outputs, Tile, Timings, Triage
from .card import CARD_NAME, ModelCard, folder_digest, model_digest, read_card, sha256_of, write_card
from .classes import ClassSpec
from .classifier import Classifier, load
from .decision import decide, ood_reason, triage_probability
from .errors import ModelError

__all__ = [
    "CARD_NAME",
    "MAX_PIXELS",
    "MIN_SIDE_PX",
    "Answer",
    "ClassSpec",
    "Classifier",
    "Decision",
    "DecoderUnavailable",
    "EmptyImage",
    "ImageError",
    "ImageTooLarge",
    "ImageTooSmall",
    "Magnification",
    "ModelCard",
    "ModelError",
    "NotAnImage",
    "Outputs",
    "Picture",
    "Tile",
    "Timings",
    "Triage",
    "UnreadableImage",
    "decide",
    "folder_digest",
    "load",
    "model_digest",
    "ood_reason",
    "read_card",
    "read_image",
    "sha256_of",
    "to_model_input",
    "triage_probability",
    "write_card",
]
