"""Brings a field of known pixel size to the trained magnification: a wide one is cut into several."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from intake import ImageTooLarge, Picture, to_model_input

from .answer import Magnification
from .card import ModelCard

MAX_TILES: Final = 64
"""Of one image: some 4 s of the processor with the model of eight views, well under a gateway's 30 s."""

_EDGE: Final = 0.1
"""What may stay outside of the tiles along an axis, as a share of one: less than the cells that an edge cuts."""

_FINE: Final = 2.0
"""Pixels kept for each pixel of the model's input: a reduction by boxes to here does not show after the resize."""


@dataclass(frozen=True)
class Box:
    """A part of an image as oriented, in pixels."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Plan:
    """How a field is shown to the model.

    Attributes
    ----------
    magnification
        Of the field as it came; None where its pixel size or the trained one is not known.
    seen
        Of each box, as the model sees it.
    boxes
        What is shown, one after another, in rows from the upper left; one box is the whole field, or its middle.
    notes
        What a reader should know of it.
    """

    magnification: Magnification | None
    seen: float | None
    boxes: tuple[Box, ...]
    notes: tuple[str, ...] = ()


def plan_field(card: ModelCard, picture: Picture, given_microns_per_pixel: float | None = None) -> Plan:
    """Choose what of a field is shown to the model.

    Parameters
    ----------
    card
        Of the model.
    picture
        The field; its file may tell its pixel size.
    given_microns_per_pixel
        Pixel size told by the caller, which counts before the file's.

    Returns
    -------
    Plan
        The whole field, unless it is wider than the card's rule allows along an axis: then boxes of the trained size,
        which overlap where they do not fit exactly.

    Raises
    ------
    ImageTooLarge
        For a field of more than ``MAX_TILES`` boxes.
    """
    whole = (Box(0, 0, picture.width, picture.height),)
    microns = given_microns_per_pixel or picture.microns_per_pixel
    rule = card.scale
    if rule is None or rule.microns_per_pixel is None or microns is None:
        notes: tuple[str, ...] = ()
        if given_microns_per_pixel is not None:
            notes = ("The model's card tells no pixel size of its own: microns_per_pixel was not used.",)
        return Plan(None, None, whole, notes)
    # The sides of a field of the trained size, in pixels of this image.
    across, down = (side * rule.microns_per_pixel / microns for side in (card.input.width, card.input.height))
    magnification = Magnification(
        math.sqrt(across / picture.width * down / picture.height),
        "file" if given_microns_per_pixel is None else "given",
    )
    columns, width = _cut(picture.width, across, rule.minimum)
    rows, height = _cut(picture.height, down, rule.minimum)
    if columns * rows > MAX_TILES:
        raise ImageTooLarge(
            f"By its pixel size of {microns:g} um the image is {columns} x {rows} fields of the size that the model "
            f"knows, more than {MAX_TILES}: send a part of it, or correct the pixel size.",
            "too-many-fields",
        )
    boxes = tuple(
        Box(x, y, width, height)
        for y in _starts(picture.height, height, rows)
        for x in _starts(picture.width, width, columns)
    )
    return Plan(magnification, math.sqrt(across / width * down / height), boxes)


def working_side_px(card: ModelCard, picture: Picture, plan: Plan) -> int | None:
    """Say how fine an image must be read again so that its boxes are sharp; None where it is fine enough.

    Returns
    -------
    int or None
        For ``read_image``: the shorter side of the whole image, in pixels.
    """
    box = plan.boxes[0]
    kept = picture.pixels.shape[1] / picture.width
    # Pixels of the whole image for each pixel of the model's input.
    finest = min(box.width / card.input.width, box.height / card.input.height)
    if kept == 1.0 or kept * finest >= _FINE:
        return None
    return math.ceil(min(picture.width, picture.height) * min(1.0, _FINE / finest))


def show(card: ModelCard, picture: Picture, box: Box) -> npt.NDArray[np.uint8]:
    """Cut a box out of a field, and resize it to what the model takes.

    Returns
    -------
    uint8[height, width, 3]
        Of the card's input size.
    """
    height, width = picture.pixels.shape[:2]
    kept_x, kept_y = width / picture.width, height / picture.height
    left, right = round(box.x * kept_x), round((box.x + box.width) * kept_x)
    top, bottom = round(box.y * kept_y), round((box.y + box.height) * kept_y)
    return to_model_input(picture.pixels[top:bottom, left:right], card.input.height, card.input.width)


def _cut(extent: int, trained: float, minimum: float) -> tuple[int, int]:
    """Give how many parts an axis is cut into, and their length in pixels."""
    if trained / extent >= minimum:
        return 1, extent
    return max(1, math.ceil(extent / trained - _EDGE)), min(extent, max(1, round(trained)))


def _starts(extent: int, length: int, count: int) -> list[int]:
    """Place parts of one length at even distances; a single one in the middle."""
    if count == 1:
        return [(extent - length) // 2]
    return [round(index * (extent - length) / (count - 1)) for index in range(count)]
