"""Fields as a weaker or a stronger objective would show them, made of true neighbours on their slide.

A stronger objective shows a part of the field: a crop, enlarged. A weaker one shows what lies around it too: fields of
the same slide, next to one another in the order of acquisition, are put together and shrunk. Fields are put together at
the trained magnification as well, so that what learns from these pictures does not learn their seams.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inference import to_model_input
from training.data.corruptions import Change, apply, draw_changes
from training.data.labels import INPUT_SIDE_PX
from training.data.scale_bar import LEFT_PX, TOP_PX

Field = NDArray[np.uint8]
Positions = NDArray[np.int64]

MAGNIFICATIONS = (0.36, 2.7)
"""Range of what is drawn, a little wider than the 0.4 to 2.5 that are examined."""
TRAINED_SHARE = 0.2
"""Of the drawn pictures, those put together at the trained magnification."""
MIRRORED_SHARE = (0.4, 0.35)
"""Of those at the trained magnification, and of those that show more than a field, the ones that show a field and its
mirror images: no seam at all."""
VARIED_SHARE = 0.6
"""Of the drawn pictures, those blurred, compressed, lit or stained otherwise too."""
MOST = 9
"""Fields put together, at most: 3 by 3."""
STEPS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.4, 1.6, 2.0, 2.5)
"""At which the evaluation asks."""


@dataclass(frozen=True)
class Magnified:
    """Drawn pictures.

    Attributes
    ----------
    images : uint8[m, 224, 224, 3]
    doublings : float32[m]
        log2 of the magnification; 0 is the trained one.
    shown : int64[m, MOST]
        Positions of the fields that are shown, padded by the first of them.
    """

    images: NDArray[np.uint8]
    doublings: NDArray[np.float32]
    shown: Positions


@dataclass(frozen=True)
class View:
    """What a picture is to show, before it is made.

    Attributes
    ----------
    shown : int64[tiles**2]
        Positions of the fields, row by row; the same one where a field is put together with its mirror images.
    mirrored
        Whether it is.
    side, top, left
        The part that is shown, in pixels.
    changes
        Of ``corruptions.draw_changes``.
    """

    shown: Positions
    mirrored: bool
    side: int
    top: int
    left: int
    changes: Sequence[Change] = ()


class Neighbourhood:
    """Fields and which of them lie side by side.

    Parameters
    ----------
    images : uint8[n, 224, 224, 3]
    slides : sequence of str
        Of each field.
    numbers : int64[n]
        Order of acquisition.
    """

    def __init__(self, images: NDArray[np.uint8], slides: Sequence[str], numbers: Positions) -> None:
        self.images = images
        names = np.asarray(slides)
        self._slide: dict[int, Positions] = {}
        for name in np.unique(names):
            positions = np.flatnonzero(names == name)
            in_order = positions[np.argsort(numbers[positions], kind="stable")]
            self._slide.update(dict.fromkeys(in_order.tolist(), in_order))

    def around(self, position: int, count: int) -> Positions:
        """Give the positions of so many neighbours, the field among them; again from the first where they are few."""
        slide = self._slide[position]
        start = max(0, min(int(np.flatnonzero(slide == position)[0]) - count // 2, len(slide) - count))
        return np.resize(slide[start : start + count], count)

    def show(
        self, position: int, magnification: float, random: np.random.Generator, *, mirrored: bool = False
    ) -> tuple[Field, Positions]:
        """Show a field, and what lies around it, at another magnification.

        Parameters
        ----------
        position
            Of the field.
        magnification
            1 is the trained one: there, and below, fields are put together; above, one is cropped.
        random
            Draws the part that is shown.
        mirrored
            Put the field together with its own mirror images in place of neighbours.

        Returns
        -------
        (uint8[224, 224, 3], int64[MOST])
            The picture, and the fields in it.
        """
        view = self._view(position, magnification, random, mirrored=mirrored)
        return self._picture(view), _padded(view.shown)

    def draw(self, copies: int, seed: int, among: Positions | None = None) -> Magnified:
        """Draw so many pictures of every field, each at a random magnification.

        Parameters
        ----------
        copies, seed
            How many, and of what is drawn.
        among : int64[k], optional
            Positions of the fields that may be shown, of all unless given: the pictures that show no other are made,
            and each is the one that it is among all.
        """
        random = np.random.default_rng(seed)
        low, high = map(math.log2, MAGNIFICATIONS)
        views = [
            self._draw_view(position, low, high, random) for position in range(len(self.images)) for _ in range(copies)
        ]
        if among is not None:
            views = [(view, doublings) for view, doublings in views if np.isin(view.shown, among).all()]
        images = np.empty((len(views), *self.images.shape[1:]), np.uint8)
        for position, (view, _) in enumerate(views):
            images[position] = apply(view.changes, self._picture(view))
        shown = np.array([_padded(view.shown) for view, _ in views], np.int64).reshape(-1, MOST)
        return Magnified(images, np.array([doublings for _, doublings in views], np.float32), shown)

    def _draw_view(self, position: int, low: float, high: float, random: np.random.Generator) -> tuple[View, float]:
        doublings = 0.0 if random.random() < TRAINED_SHARE else float(random.uniform(low, high))
        mirrored = bool(doublings <= 0.0 and random.random() < MIRRORED_SHARE[doublings < 0.0])
        view = self._view(position, 2.0**doublings, random, mirrored=mirrored)
        if random.random() < VARIED_SHARE:
            view = replace(view, changes=draw_changes(random))
        return view, doublings

    def _view(self, position: int, magnification: float, random: np.random.Generator, *, mirrored: bool) -> View:
        side = round(INPUT_SIDE_PX / magnification)
        tiles = 1 if magnification > 1 else max(2, math.ceil(side / INPUT_SIDE_PX))
        mirrored = mirrored or tiles == 1
        shown = [position] * tiles**2 if mirrored else self.around(position, tiles**2).tolist()
        if not mirrored:
            random.shuffle(shown)
        top, left = (int(random.integers(0, tiles * INPUT_SIDE_PX - side + 1)) for _ in range(2))
        return View(np.array(shown), mirrored, side, top, left)

    def _picture(self, view: View) -> Field:
        tiles = math.isqrt(len(view.shown))
        if view.mirrored:
            mosaic = _mirror(without_bar(self.images[view.shown[0]]), tiles)
        else:
            rows = view.shown.reshape(tiles, -1)
            mosaic = np.concatenate([np.concatenate([without_bar(self.images[k]) for k in row], 1) for row in rows], 0)
        part = mosaic[view.top : view.top + view.side, view.left : view.left + view.side]
        return to_model_input(np.ascontiguousarray(part), INPUT_SIDE_PX, INPUT_SIDE_PX)


def _padded(shown: Positions) -> Positions:
    return np.concatenate([shown, np.full(MOST - len(shown), shown[0])])


def without_bar(field: Field) -> Field:
    """Paint over the corner of the scale bar with a mirror image of what lies above it: uint8[224, 224, 3]."""
    painted = field.copy()
    height = INPUT_SIDE_PX - TOP_PX
    painted[TOP_PX:, LEFT_PX:] = painted[TOP_PX - height : TOP_PX, LEFT_PX:][::-1]
    return painted


def _mirror(field: Field, tiles: int) -> Field:
    row = np.concatenate([field[:, ::-1] if k % 2 else field for k in range(tiles)], 1)
    return np.concatenate([row[::-1] if k % 2 else row for k in range(tiles)], 0)
