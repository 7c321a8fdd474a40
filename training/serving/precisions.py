"""Files of other precisions from a served graph, each behind the parity gate: what ``export`` runs."""

import hashlib
import statistics
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference import Classifier, ModelCard, ModelError, load
from inference.card import write_card
from training.data.dataset import spread
from training.serving import parity
from training.serving.files import FILE_NAME, ParityError
from training.serving.model_folder import release
from training.serving.parity import Parity
from training.serving.saved_model import Graph, convert

INT8_AGREEMENT = 0.999
TIMED_FIELDS, ROUNDS = 40, 5
COMPARED_FIELDS = 8
"""With the model whose card a new file gets: another network differs on any field."""
Images = NDArray[np.uint8]


def demand(precision: str, difference: Parity, times_as_fast: float | None, path: Path) -> None:
    """Let a file pass, or refuse it.

    Parameters
    ----------
    precision : str
        One of ``PRECISIONS``.
    difference : Parity
        With the network, on training fields.
    times_as_fast : float, optional
        Of an int8 file: how many times as fast as the float32 file.
    path : Path
        For the message.

    Raises
    ------
    ParityError
        Says what is missing.
    """
    if precision != "int8":
        parity.demand(difference, path)
        return
    gain = times_as_fast or 0.0
    measured = (
        f"{path}: int8 gives the network's label on {difference.agreement:.2%} of {difference.images} fields, a "
        f"probability differs by {difference.max_difference:.2g}, and it is {gain:.2f} times as fast as float32"
    )
    if not difference.agreement >= INT8_AGREEMENT:
        raise ParityError(f"{measured}; {INT8_AGREEMENT:.1%} of the labels are needed: not written. Ship float32")
    if not gain > 1.0:
        raise ParityError(f"{measured}: no gain, not written. Ship float32")


def speed(file: Classifier, reference: Classifier, images: Images) -> float:
    """Tell how many times as fast a file is as another, by medians of interleaved rounds."""
    ratios = []
    for _ in range(ROUNDS):
        seconds = []
        for classifier in (file, reference):
            start = time.perf_counter()
            for image in images[:TIMED_FIELDS]:
                classifier.run(image)
            seconds.append(time.perf_counter() - start)
        ratios.append(seconds[1] / seconds[0])
    return statistics.median(ratios)


def export(saved_model: Path, model: Path, precision: str, images: Images, output: Path) -> ModelCard:
    """Convert, compare with the network on every image, and write the model folder.

    Parameters
    ----------
    saved_model : Path
        Of ``train``.
    model : Path
        The model folder that the same run made: its card goes with the new file.
    precision : str
        One of ``PRECISIONS``.
    images : uint8[n, 224, 224, 3]
        Training fields.
    output : Path
        Model folder to write.

    Returns
    -------
    ModelCard
        Of the new file.

    Raises
    ------
    ParityError
        The file does not pass; nothing is written.
    ModelError
        There is no graph, or it is another run's than the model.
    """
    graph, shipped = open_same(saved_model, model, images)
    content = convert(saved_model, precision, images)

    def check(file: Classifier) -> dict[str, Any]:
        difference = parity.compare(graph, file, images)
        ratio = 1.0 if precision == "float32" else _times_as_fast(file, saved_model, images)
        demand(precision, difference, ratio, output / FILE_NAME)
        return {"parity": asdict(difference), "times_as_fast_as_float32": round(ratio, 3)}

    return release(content, _of(shipped.card, content, precision), output, check)[0]


def _times_as_fast(file: Classifier, saved_model: Path, images: Images) -> float:
    content = convert(saved_model, "float32", images)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, FILE_NAME).write_bytes(content)
        write_card(_of(file.card, content, "float32"), Path(folder))
        return speed(file, load(Path(folder)), images)


def open_same(saved_model: Path, model: Path, images: Images) -> tuple[Graph, Classifier]:
    """Load a graph and the model of its run; refuses another run's, whose thresholds would be wrong for it.

    Raises
    ------
    ModelError
        There is no graph, or it is another run's than the model.
    """
    graph, shipped = Graph(saved_model), load(model)
    few_fields = images[spread(len(images), COMPARED_FIELDS)]
    try:
        parity.demand(parity.compare(graph, shipped, few_fields), Path(shipped.card.file))
    except ParityError as error:
        raise ModelError(
            f"{saved_model} and {model} are of different runs: give the saved_model that train left with it"
        ) from error
    return graph, shipped


def _of(card: ModelCard, content: bytes, precision: str) -> ModelCard:
    """Make a card tell of another file."""
    digest = hashlib.sha256(content).hexdigest()
    return card.model_copy(update={"precision": precision, "sha256": digest, "size_bytes": len(content)})
