"""Shortcuts: classifiers that see no cell's morphology, with whose scores a model's must be compared.

Each shortcut gets a few numbers of a field and a small classifier, is trained on the very fields that the model of a
fold was trained on, and is tested on the very fields that it was tested on.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from inference import to_model_input
from training.data.group_folds import Parts
from training.data.labels import INPUT_SIDE_PX
from training.data.scale_bar import CORNER
from training.data.slide_features import PURPLE, appearance
from training.evaluation.fold_predictions import Pictures
from training.evaluation.folds import FoldFile
from training.evaluation.metrics import balanced_accuracy, confusion
from training.evaluation.results import FoldScore, rounded
from training.progress import bar

if TYPE_CHECKING:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.neighbors import KNeighborsClassifier

Field = NDArray[np.uint8]
Numbers = NDArray[np.float64]

CORNER_GRID = (7, 14)
LEAST_CELL_PX = 40
"""Smaller purple specks are platelets and stain; a leukocyte of the set has hundreds of pixels."""
TREES = 200
OPENING = np.ones((3, 3), bool)


def mean_colour(field: Field) -> Numbers:
    """Average the field: float64[3]."""
    mean: Numbers = field.reshape(-1, 3).mean(0)
    return mean


def corner(field: Field) -> Numbers:
    """Reduce the lower right corner, with the scale bar, to a coarse grid: float64[294]."""
    return to_model_input(np.ascontiguousarray(field[CORNER]), *CORNER_GRID).ravel() / 255.0


def background(field: Field) -> Numbers:
    """Sum up the colours of the background, without leukocytes and the corner: float64[9]."""
    return np.nan_to_num(appearance(field).features, nan=-1.0)


def density(field: Field) -> Numbers:
    """Count the stained cells and the share of the field that they cover: float64[2]."""
    purple = field[..., 2].astype(int) - field[..., 1] > PURPLE
    pieces, count = scipy.ndimage.label(scipy.ndimage.binary_opening(purple, OPENING))
    sizes = np.bincount(pieces.ravel())[1:] if count else np.zeros(0)
    return np.array([(sizes >= LEAST_CELL_PX).sum(), purple.mean()], float)


def _neighbours(rows: int) -> "KNeighborsClassifier":
    from sklearn.neighbors import KNeighborsClassifier  # takes seconds, and no --help waits for it

    return KNeighborsClassifier(min(5, rows))


def _forest(_rows: int) -> "RandomForestClassifier":
    from sklearn.ensemble import RandomForestClassifier  # takes seconds, and no --help waits for it

    return RandomForestClassifier(TREES, min_samples_leaf=2, class_weight="balanced", random_state=0, n_jobs=-1)


SHORTCUTS: dict[str, tuple[Callable[[Field], Numbers], Callable[[int], Any]]] = {
    "mean_colour": (mean_colour, _neighbours),
    "corner": (corner, _forest),
    "background": (background, _forest),
    "density": (density, _forest),
}
"""Features, and classifier for a number of rows, of each."""
TOLD = {
    "mean_colour": "mean colour of the field (3 numbers), 5 nearest neighbours",
    "corner": "lower right corner with the scale bar alone, random forest",
    "background": "glass, erythrocyte tone and lamp, leukocytes masked (9 numbers), random forest",
    "density": "count and area of stained cells (2 numbers), random forest",
    "chance": "a blind guess",
}


def grouped_score(name: str, images: NDArray[np.uint8], labels: NDArray[np.int64], parts: Parts) -> float:
    """Train and test one shortcut on groups left out.

    Parameters
    ----------
    name : str
        Of ``SHORTCUTS``.
    images : uint8[n, h, w, 3]
        Of any size.
    labels : int64[n]
        Theirs, from 0 on, each present.
    parts
        Of ``grouped_parts``.

    Returns
    -------
    float
        Balanced accuracy.
    """
    extract, make_classifier = SHORTCUTS[name]
    rows = np.stack([extract(image) for image in images])
    answers = np.empty_like(labels)
    for train, left_out in parts:
        answers[left_out] = make_classifier(len(train)).fit(rows[train], labels[train]).predict(rows[left_out])
    return balanced_accuracy(confusion(labels, answers, int(labels.max()) + 1))


def features_of(images: NDArray[np.uint8]) -> dict[str, Numbers]:
    """Compute every shortcut's numbers: float64[n, d] each."""
    if images.shape[1:] != (INPUT_SIDE_PX, INPUT_SIDE_PX, 3):
        raise ValueError(f"fields are {images.shape[1:]}, not {INPUT_SIDE_PX} x {INPUT_SIDE_PX}: read them anew")
    with ThreadPoolExecutor() as pool:
        return {
            name: np.array(list(bar(pool.map(extract, images), f"shortcut: {name}", len(images), unit="field")))
            for name, (extract, _) in SHORTCUTS.items()
        }


def audit(
    folds: Sequence[FoldFile], features: dict[str, Numbers], pictures: Pictures, title: str
) -> dict[str, tuple[float, list[FoldScore]]]:
    """Train and test every shortcut on a protocol's folds.

    Parameters
    ----------
    folds
        Of one protocol.
    features
        Of ``features_of``, in the order of ``pictures``.
    pictures
        Where each key's field is.
    title
        Of the progress bar.

    Returns
    -------
    dict
        By shortcut: balanced accuracy of the pooled predictions, and the folds' scores.
    """
    ids = sorted({key.split("/")[0] for fold in folds for key in (*fold.record.train, *fold.record.test)})
    results = {}
    for name in bar(list(SHORTCUTS), title, len(SHORTCUTS), unit="shortcut"):
        truth, predicted, scores = [], [], []
        for fold in folds:
            train, test = (_labels(keys, ids) for keys in (fold.record.train, fold.record.test))
            classifier = SHORTCUTS[name][1](len(train))
            classifier.fit(features[name][_places(fold.record.train, pictures)], train)
            answers = classifier.predict(features[name][_places(fold.record.test, pictures)])
            score = balanced_accuracy(confusion(test, answers, len(ids)))
            scores.append(FoldScore(name=fold.record.name, images=len(test), balanced_accuracy=rounded(score)))
            truth.append(test)
            predicted.append(answers)
        pooled = balanced_accuracy(confusion(np.concatenate(truth), np.concatenate(predicted), len(ids)))
        results[name] = (rounded(pooled), scores)
    return results


def _labels(keys: Sequence[str], ids: Sequence[str]) -> NDArray[np.int64]:
    return np.array([ids.index(key.split("/")[0]) for key in keys])


def _places(keys: Sequence[str], pictures: Pictures) -> NDArray[np.int64]:
    return np.array([pictures.position[key] for key in keys])
