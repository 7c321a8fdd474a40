"""A fold's model file where a head of several layers is trained on cached features of a frozen backbone.

For ``crossvalidate``. The folder holds ``model.tflite``, ``model.json`` and, written last, ``fold.json``.
"""

import shutil
from pathlib import Path

from training.data.protocols import positions
from training.data.splits import Fold
from training.experiment import FrozenSet, learn_head, write_head_model
from training.fold_record import write_record
from training.models.mlp_head import HeadRecipe
from training.tracking import Run
from training.tracking.fold_runs import FoldMade


def write_head_fold(data: FrozenSet, recipe: HeadRecipe, protocol: str, fold: Fold, folder: Path, run: Run) -> FoldMade:
    """Train the head of one fold and write its model folder.

    Parameters
    ----------
    data
        Fields and their features.
    recipe
        How.
    protocol, fold
        Which fields to learn from.
    folder
        Of this fold.
    run
        Gets the sheet of predictions.

    Raises
    ------
    DivergedError, ParityError
        The head learnt nothing, or the file is not its network.
    """
    train, test = positions(data.fields, fold.train), positions(data.fields, fold.test)
    shutil.rmtree(folder, ignore_errors=True)
    model = learn_head(data, recipe, train)
    card, measured = write_head_model(data, model, recipe, test, folder, run)
    write_record(folder, protocol, fold, data.manifest)
    return FoldMade(folder, model.learned, card, test, measured)
