r"""Files of other precisions from a served graph, each behind the parity gate.

::

    python -m training export --saved-model runs/train/ID/saved_model --data ../shared/data/all_smears \
        --precision float16 --output runs/export/float16

float32 is what ``train`` ships. A float16 file must answer as the network does, like any float file. An int8 file
(``training.models.tflite``), whose ranges are taken from training fields, must give the same label on 99.9 % of them
and be faster than the float32 file beside it, or it is refused: smaller and wrong is no gain, nor is smaller and
slower.
"""

import argparse
import hashlib
import statistics
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference import Classifier, ModelCard, ModelError, load
from inference.card import write_card
from training.data.dataset import FOLDER_HELP, load_fields, spread
from training.data.labels import DataError
from training.serving import parity
from training.serving.files import FILE_NAME, ParityError
from training.serving.model_folder import release
from training.serving.parity import Parity
from training.serving.saved_model import PRECISIONS, Graph, convert

INT8_AGREEMENT = 0.999
TIMED_FIELDS, ROUNDS = 40, 5
COMPARED_FIELDS = 8
"""With the model whose card a new file gets: another network differs on any field."""
Images = NDArray[np.uint8]


def demand(precision: str, found: Parity, times_as_fast: float | None, path: Path) -> None:
    """Let a file pass, or refuse it.

    Parameters
    ----------
    precision : str
        One of ``PRECISIONS``.
    found : Parity
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
        parity.demand(found, path)
        return
    gain = times_as_fast or 0.0
    told = (
        f"{path}: int8 gives the network's label on {found.agreement:.2%} of {found.images} fields, a probability "
        f"differs by {found.max_difference:.2g}, and it is {gain:.2f} times as fast as float32"
    )
    if not found.agreement >= INT8_AGREEMENT:
        raise ParityError(f"{told}; {INT8_AGREEMENT:.1%} of the labels are needed: not written. Ship float32")
    if not gain > 1.0:
        raise ParityError(f"{told}: no gain, not written. Ship float32")


def speed(file: Classifier, reference: Classifier, images: Images) -> float:
    """Tell how many times as fast a file is as another, by medians of interleaved rounds."""
    ratios = []
    for _ in range(ROUNDS):
        seconds = []
        for one in (file, reference):
            start = time.perf_counter()
            for image in images[:TIMED_FIELDS]:
                one.run(image)
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
    graph, shipped = Graph(saved_model), load(model)
    _demand_same(graph, shipped, images, f"{saved_model} and {model}")
    content = convert(saved_model, precision, images)

    def check(file: Classifier) -> dict[str, Any]:
        found = parity.compare(graph, file, images)
        ratio = 1.0 if precision == "float32" else _times_as_fast(file, saved_model, images)
        demand(precision, found, ratio, output / FILE_NAME)
        return {"parity": asdict(found), "times_as_fast_as_float32": round(ratio, 3)}

    return release(content, _of(shipped.card, content, precision), output, check)[0]


def _times_as_fast(file: Classifier, saved_model: Path, images: Images) -> float:
    content = convert(saved_model, "float32", images)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, FILE_NAME).write_bytes(content)
        write_card(_of(file.card, content, "float32"), Path(folder))
        return speed(file, load(Path(folder)), images)


def _demand_same(graph: Graph, shipped: Classifier, images: Images, which: str) -> None:
    """Refuse a graph of another run: the card's thresholds would be wrong for it."""
    some = images[spread(len(images), COMPARED_FIELDS)]
    try:
        parity.demand(parity.compare(graph, shipped, some), Path(shipped.card.file))
    except ParityError as error:
        raise ModelError(f"{which} are of different runs: give the saved_model that train left with it") from error


def _of(card: ModelCard, content: bytes, precision: str) -> ModelCard:
    """Make a card tell of another file."""
    digest = hashlib.sha256(content).hexdigest()
    return card.model_copy(update={"precision": precision, "sha256": digest, "size_bytes": len(content)})


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``export`` command."""
    parser = subparsers.add_parser("export", help="write a float32, float16 or int8 file, if it answers as the network")
    parser.add_argument("--saved-model", type=Path, required=True, help="what train left: runs/train/ID/saved_model")
    parser.add_argument("--model", type=Path, default=Path("models/default"), help="whose card it gets (%(default)s)")
    parser.add_argument("--data", type=Path, required=True, help=f"training fields: {FOLDER_HELP}")
    parser.add_argument("--precision", choices=PRECISIONS, default="float32", help="(%(default)s, which always passes)")
    parser.add_argument("--output", type=Path, required=True, help="model folder to write")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the ``export`` command; gives the exit code."""
    try:
        images = load_fields(options.data).images
        card = export(options.saved_model, options.model, options.precision, images, options.output)
    except (DataError, ModelError, ParityError, ValueError) as error:
        sys.stderr.write(f"export: {error}\n")
        return 2
    told = card.training["parity"]
    sys.stdout.write(
        f"{options.output}: {options.precision}, {card.size_bytes / 1e6:.2f} MB, "
        f"{card.training['times_as_fast_as_float32']:.2f} times as fast as float32; on {told['images']} fields the "
        f"label agrees on {told['agreement']:.2%}, largest difference {told['max_difference']:.2g}\n"
    )
    return 0
