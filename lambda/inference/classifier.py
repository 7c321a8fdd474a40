"""The model file, loaded once, and the answer that it gives for one image."""

import hashlib
import time
from pathlib import Path
from threading import Lock
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter  # type: ignore[import-untyped]

from intake import MAX_PIXELS, Picture, read_image, to_model_input

from .answer import Answer, Outputs, Timings, Verdict
from .card import CARD_NAME, ModelCard, read_card
from .errors import ModelError
from .heatmap import heatmap_png

SIGNATURE: Final = "serving_default"
_IMAGE: Final = "image"
_PROBABILITIES: Final = "probabilities"
_EMBEDDING: Final = "embedding"
_MAPS: Final = "activation_maps"
_SCORE: Final = "out_of_distribution_score"
_SUM_TOLERANCE: Final = 0.01
"""An int8 file's probabilities are steps of 1/256."""


class Classifier:
    """A loaded model. Safe to share between threads: one forward pass runs at a time.

    Make one by ``load``.
    """

    def __init__(self, card: ModelCard, interpreter: Interpreter) -> None:
        self.card = card
        self._interpreter = interpreter
        self._lock = Lock()  # LiteRT's tensors belong to the interpreter: set, invoke and get must not interleave
        runner = interpreter.get_signature_runner(SIGNATURE)
        inputs, outputs = runner.get_input_details(), runner.get_output_details()
        self._image = _tensor(inputs, _IMAGE, (1, card.input.height, card.input.width, card.input.channels), np.uint8)
        self._outputs = {
            _PROBABILITIES: _tensor(outputs, _PROBABILITIES, (1, len(card.labels)), np.float32),
            _EMBEDDING: _tensor(outputs, _EMBEDDING, (1, None), np.float32),
            _MAPS: _tensor(outputs, _MAPS, (1, None, None, len(card.labels)), np.float32),
            _SCORE: _tensor(outputs, _SCORE, (1,), np.float32),
        }

    def check(self) -> None:
        """Run a grey field and refuse numbers that cannot be an answer; the run also warms the interpreter up.

        Raises
        ------
        ValueError
            Where a number is not finite or the probabilities do not add up to 1: a file converted without weights.
        """
        spec = self.card.input
        outputs = self.run(np.full((spec.height, spec.width, spec.channels), 128, np.uint8))
        numbers = (outputs.probabilities, outputs.embedding, outputs.activation_maps, outputs.out_of_distribution_score)
        if not all(np.isfinite(part).all() for part in numbers):
            raise ValueError("a grey field gives numbers that are not finite: convert the model again")
        if abs(float(outputs.probabilities.sum()) - 1.0) > _SUM_TOLERANCE or outputs.probabilities.min() < 0.0:
            raise ValueError("the probabilities of a grey field do not add up to 1: convert the model again")

    def run(self, image: npt.NDArray[np.uint8]) -> Outputs:
        """Run the model file once.

        Parameters
        ----------
        image
            uint8[height, width, 3], RGB, of the card's input size.

        Returns
        -------
        Outputs
            Copies, which later runs leave alone.
        """
        with self._lock:
            self._interpreter.set_tensor(self._image, image[np.newaxis])
            self._interpreter.invoke()
            raw = {name: self._interpreter.get_tensor(index) for name, index in self._outputs.items()}
        return Outputs(raw[_PROBABILITIES][0], raw[_EMBEDDING][0], raw[_MAPS][0], float(raw[_SCORE][0]))

    def predict(self, data: bytes, *, explain: bool = False, max_pixels: int = MAX_PIXELS) -> Answer:
        """Classify one image file.

        Parameters
        ----------
        data
            A JPEG, PNG, TIFF, BMP or WebP file.
        explain
            Whether to draw the heat map of the predicted label.
        max_pixels
            Limit on width x height, checked before decoding.

        Returns
        -------
        Answer
            The calibrated answer.

        Raises
        ------
        ImageError
            What is wrong with the bytes; one subclass a reason.
        """
        start = time.perf_counter()
        picture = read_image(data, max_pixels=max_pixels)
        image = to_model_input(picture.pixels, self.card.input.height, self.card.input.width)
        decoded = time.perf_counter()
        outputs = self.run(image)
        inferred = time.perf_counter()
        best = int(outputs.probabilities.argmax())
        heatmap = heatmap_png(outputs.activation_maps[..., best], picture.width, picture.height) if explain else None
        explained = time.perf_counter()
        timings = Timings((decoded - start) * 1e3, (inferred - decoded) * 1e3, (explained - inferred) * 1e3)
        return self._answer(outputs, best, picture, heatmap, timings)

    def _answer(self, outputs: Outputs, best: int, picture: Picture, heatmap: bytes | None, timings: Timings) -> Answer:
        card = self.card
        probabilities = dict(zip(card.labels, map(float, outputs.probabilities), strict=True))
        chosen = tuple(k for k, p in probabilities.items() if p >= card.prediction_set.minimum_probability)
        verdict: Verdict = "accepted" if len(chosen) == 1 else "uncertain"
        if outputs.out_of_distribution_score > card.out_of_distribution.threshold:
            verdict = "out_of_distribution"
        return Answer(
            label=card.labels[best],
            probability=probabilities[card.labels[best]],
            verdict=verdict,
            probabilities=probabilities,
            # Rounding in float32 can carry a sum a hair over one.
            malignant_probability=min(1.0, sum(probabilities[k] for k in card.malignant_labels)),
            prediction_set=chosen,
            out_of_distribution_score=outputs.out_of_distribution_score,
            picture=picture,
            heatmap_png=heatmap,
            timings=timings,
        )


def load(model_dir: Path, *, threads: int = 1) -> Classifier:
    """Load a model folder: read the card, check the file against it, prepare the interpreter.

    Parameters
    ----------
    model_dir
        Folder with ``model.json`` and the file that it names.
    threads
        Of one forward pass; the answer does not depend on it.

    Returns
    -------
    Classifier
        Ready to answer.

    Raises
    ------
    ModelError
        Where either file is missing, damaged or not what the card says; names the file and what to do.
    """
    card = read_card(model_dir)
    path = model_dir / card.file
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read ({error.strerror}): restore the model file that {CARD_NAME} names."
        ) from error
    # The very bytes that are run are hashed, so that no swap of the file can come between.
    digest = hashlib.sha256(content).hexdigest()
    if digest != card.sha256:
        raise ModelError(
            f"{path} has sha256 {digest}, not the {card.sha256} of {CARD_NAME}: restore the file of that card."
        )
    try:
        interpreter = Interpreter(model_content=content, num_threads=threads)
        interpreter.allocate_tensors()
        classifier = Classifier(card, interpreter)
        classifier.check()
    except (ValueError, RuntimeError, KeyError) as error:
        raise ModelError(f"{path} is not a model that this service can run: {error}") from error
    return classifier


def _tensor(details: dict[str, Any], name: str, shape: tuple[int | None, ...], dtype: type) -> int:
    """Find a tensor by its signature name; refuse another shape (None fits any size) or type than expected."""
    if name not in details:
        raise ValueError(f"signature {SIGNATURE} has no {name!r}, only {sorted(details)}")
    found = tuple(int(side) for side in details[name]["shape"])
    fits = len(found) == len(shape) and all(want in (None, got) for want, got in zip(shape, found, strict=True))
    if not fits or details[name]["dtype"] is not dtype:
        expected = f"{dtype.__name__}{list(shape)}"
        raise ValueError(f"{name!r} is {details[name]['dtype'].__name__}{list(found)}, where {expected} is needed")
    return int(details[name]["index"])
