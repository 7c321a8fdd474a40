"""Measures model files on fields at another magnification, and on fields cut into shuffled tiles.

Asked are the files of leave-slides-out, about slides that none of them saw, and whose own neighbours make the mosaics.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from inference import ModelCard, load
from training.data.labels import INPUT_SIDE_PX
from training.data.magnification import STEPS, Neighbourhood
from training.evaluation import metrics
from training.evaluation.fold_predictions import Pictures
from training.evaluation.folds import FoldFile
from training.evaluation.predictions import Measured, run
from training.evaluation.results import Magnified, rounded
from training.progress import bar

OF_A_SLIDE = 12
"""Fields of each slide that are asked about, at even distances."""
TILES = 4
"""A side, of a scrambled field: 56 pixels, about a leukocyte."""
SEED = 0

Field = NDArray[np.uint8]
Shown = Callable[[int, np.random.Generator], Field]
"""Position of a field to the picture that is asked about."""


def examine(
    folds: Sequence[FoldFile], pictures: Pictures, slides: Mapping[str, str], numbers: Mapping[str, int]
) -> tuple[dict[str, Magnified], Magnified]:
    """Measure fields at every magnification of ``STEPS``, and the same fields scrambled.

    Parameters
    ----------
    folds
        Of leave-slides-out.
    pictures
        All the fields.
    slides, numbers
        Slide and order of acquisition of each field, by key.

    Returns
    -------
    (dict of str to Magnified, Magnified)
        By magnification; and scrambled.
    """
    keys = sorted(pictures.position, key=pictures.position.__getitem__)
    neighbourhood = Neighbourhood(
        pictures.images, [slides[key] for key in keys], np.array([numbers[key] for key in keys], np.int64)
    )

    def view_at(magnification: float) -> Shown:
        if magnification == 1.0:
            return lambda position, _: pictures.images[position]
        return lambda position, random: neighbourhood.show(position, magnification, random)[0]

    views: dict[str, Shown] = {f"{step:g}": view_at(step) for step in STEPS}
    views["scrambled"] = lambda position, random: scramble(pictures.images[position], random)
    keys_by_fold = [_spread(fold.record.test, slides, numbers) for fold in folds]
    parts: dict[str, list[tuple[NDArray[np.int64], Measured, ModelCard]]] = {name: [] for name in views}
    with ThreadPoolExecutor(2) as pool:
        for answers in pool.map(lambda fold, keys: _answer(fold, keys, pictures, views), folds, keys_by_fold):
            for name, part in answers.items():
                parts[name].append(part)
    results = {name: _score(metrics.pool(part)) for name, part in parts.items()}
    return results, results.pop("scrambled")


def scramble(field: Field, random: np.random.Generator) -> Field:
    """Cut a field into tiles and put them together in another order: uint8[224, 224, 3] to the same."""
    side = INPUT_SIDE_PX // TILES
    tiles = field.reshape(TILES, side, TILES, side, 3).swapaxes(1, 2).reshape(-1, side, side, 3)
    mixed = tiles[random.permutation(len(tiles))].reshape(TILES, TILES, side, side, 3)
    return np.ascontiguousarray(mixed.swapaxes(1, 2).reshape(field.shape))


def _spread(keys: Sequence[str], slides: Mapping[str, str], numbers: Mapping[str, int]) -> list[str]:
    chosen = []
    for slide in sorted({slides[key] for key in keys}):
        keys_of_slide = sorted((key for key in keys if slides[key] == slide), key=numbers.__getitem__)
        positions = np.unique(np.linspace(0, len(keys_of_slide) - 1, min(OF_A_SLIDE, len(keys_of_slide))).astype(int))
        chosen += [keys_of_slide[position] for position in positions]
    return chosen


def _answer(
    fold: FoldFile, keys: Sequence[str], pictures: Pictures, views: Mapping[str, Shown]
) -> dict[str, tuple[NDArray[np.int64], Measured, ModelCard]]:
    file, random = load(fold.folder), np.random.default_rng(SEED)
    positions = [pictures.position[key] for key in keys]
    labels = np.array([file.card.labels.index(key.split("/")[0]) for key in keys])
    answers = {}
    for name, show in bar(views.items(), f"magnified: {fold.record.name}", len(views), unit="step"):
        images = np.stack([show(position, random) for position in positions])
        answers[name] = (labels, run(file, images, name, shown=False), file.card)
    return answers


def _score(predictions: metrics.Predictions) -> Magnified:
    side = predictions.called == predictions.malignant
    label = predictions.predicted == predictions.labels
    return Magnified(
        images=len(predictions),
        balanced_accuracy=rounded(metrics.balanced_accuracy(predictions.confusion)),
        out_of_distribution=rounded(1 - predictions.known.mean()),
        accepted=rounded(predictions.triaged.mean()),
        accepted_wrong=rounded((predictions.triaged & ~side).mean()),
        pattern_accepted=rounded(predictions.accepted.mean()),
        pattern_wrong=rounded((predictions.accepted & ~label).mean()),
    )
