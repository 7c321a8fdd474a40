"""Sums up the parts of one wide field."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from .answer import Decision, Tile
from .card import ModelCard
from .decision import decide
from .scale import Box
from .wording import NO_AGREEMENT

LEAST_KNOWN_SHARE: Final = 0.5
"""Where the model turns more of a field away than it knows, the rest is no sample of it (as of a specimen)."""

_CELLS: Final = 32
"""Of the drawn evidence along a tile: more than an activation map has (7 for an input of 224 pixels)."""


def decide_together(
    card: ModelCard, tiles: Sequence[Tile], probabilities: npt.NDArray[np.float32]
) -> tuple[Decision, float]:
    """Sum up the tiles of one field.

    Parameters
    ----------
    card
        Of the model.
    tiles
        With a decision each.
    probabilities
        float32[tiles, labels].

    Returns
    -------
    Decision
        Of the mean probabilities of the tiles that the model knows, by the card's rules; never accepted where accepted
        tiles are on both sides, and out of distribution where fewer than half are known.
    float
        Median out-of-distribution score of all tiles.
    """
    score = float(np.median([tile.out_of_distribution_score for tile in tiles]))
    known = np.array([tile.decision.verdict != "out_of_distribution" for tile in tiles])
    if known.mean() < LEAST_KNOWN_SHARE:
        first = next(tile.decision.reason for tile, here in zip(tiles, known, strict=True) if not here)
        strange = f"{int((~known).sum())} of the {len(tiles)} parts of this wide field are turned away. {first}"
        return decide(card, probabilities[0], strange), score
    sides = {
        tile.decision.triage.result
        for tile in tiles
        if tile.decision.triage is not None and tile.decision.triage.verdict == "accepted"
    }
    disputed = NO_AGREEMENT if len(sides) > 1 else None
    return decide(card, probabilities[known].mean(0, dtype=np.float64), doubt=disputed), score


def evidence_together(
    boxes: Sequence[Box], maps: Sequence[npt.NDArray[np.float32]], width: int, height: int
) -> npt.NDArray[np.float32]:
    """Lay the activation maps of a label, float32[h, w] a box, where their boxes lie; the strongest where they overlap.

    Returns
    -------
    float32[rows, columns]
        Over an image of ``width`` x ``height`` pixels; 0 where there is no box.
    """
    across, down = _CELLS / boxes[0].width, _CELLS / boxes[0].height
    canvas = np.zeros((max(1, round(height * down)), max(1, round(width * across))), np.float32)
    for box, activation_map in zip(boxes, maps, strict=True):
        top, left = round(box.y * down), round(box.x * across)
        part = canvas[top : top + _CELLS, left : left + _CELLS]
        rows = np.arange(part.shape[0]) * activation_map.shape[0] // _CELLS
        columns = np.arange(part.shape[1]) * activation_map.shape[1] // _CELLS
        np.maximum(part, activation_map[np.ix_(rows, columns)], out=part)
    return canvas
