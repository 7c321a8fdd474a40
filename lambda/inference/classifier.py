"""The model file, loaded once, and the answer that it gives for one image."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from ai_edge_litert.interpreter import Interpreter

from intake import MAX_PIXELS, Picture, read_image

from .answer import Answer, Magnification, Outputs, Tile, Timings
from .card import CARD_NAME, ModelCard, card_bytes, model_digest, parse_card
from .decision import decide, ood_reason
from .errors import ModelError
from .heatmap import heatmap_png
from .scale import Box, Plan, plan_field, show, working_side_px
from .tiles import decide_together, evidence_together

SIGNATURE: Final = "serving_default"
_IMAGE: Final = "image"
_PROBABILITIES: Final = "probabilities"
_EMBEDDING: Final = "embedding"
_MAPS: Final = "activation_maps"
_SCORE: Final = "out_of_distribution_score"
_SCALE: Final = "scale"
_SUM_TOLERANCE: Final = 0.01
"""An int8 file's probabilities are steps of 1/256."""


class Classifier:
    """A loaded model. Safe to share between threads: one forward pass runs at a time.

    Make one by ``load``.

    Attributes
    ----------
    name
        Of its folder.
    card
        What the file's numbers mean.
    digest
        Over file and card (``model_digest``): which model answers.
    """

    def __init__(self, card: ModelCard, interpreter: Interpreter, digest: str, name: str) -> None:
        self.card = card
        self.name = name
        self.digest = digest
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
        if _SCALE in outputs:  # a file that estimates no scale is served as well
            self._outputs[_SCALE] = _tensor(outputs, _SCALE, (1,), np.float32)

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
        if not all(np.isfinite(part).all() for part in (*numbers, outputs.scale or 0.0)):
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
        scale = float(raw[_SCALE][0]) if _SCALE in raw else None
        return Outputs(raw[_PROBABILITIES][0], raw[_EMBEDDING][0], raw[_MAPS][0], float(raw[_SCORE][0]), scale)

    def predict(
        self,
        data: bytes,
        *,
        explain: bool = False,
        max_pixels: int = MAX_PIXELS,
        microns_per_pixel: float | None = None,
    ) -> Answer:
        """Classify one image file.

        Parameters
        ----------
        data
            A JPEG, PNG, TIFF, BMP or WebP file.
        explain
            Whether to draw the heat map of the most probable label.
        max_pixels
            Limit on width x height, checked before decoding.
        microns_per_pixel
            Size of a pixel of the image, where the caller knows it; counts before what the file tells. With it a wide
            field is cut into fields of the trained size; without it the network's own estimate is held against the
            card's rule.

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
        plan = plan_field(self.card, picture, microns_per_pixel)
        finer = working_side_px(self.card, picture, plan)
        if finer is not None:
            picture = read_image(data, max_pixels=max_pixels, working_side_px=finer)
        images = [show(self.card, picture, box) for box in plan.boxes]
        decoded = time.perf_counter()
        seen = [self.run(image) for image in images]
        inferred = time.perf_counter()
        answer = self._answer(picture, plan, seen)
        if explain:
            best = int(np.mean([outputs.probabilities for outputs in seen], axis=0).argmax())
            maps = [outputs.activation_maps[..., best] for outputs in seen]
            whole = len(maps) == 1 and plan.boxes[0] == Box(0, 0, picture.width, picture.height)
            evidence = maps[0] if whole else evidence_together(plan.boxes, maps, picture.width, picture.height)
            answer = replace(answer, heatmap_png=heatmap_png(evidence, picture.width, picture.height))
        explained = time.perf_counter()
        timings = Timings((decoded - start) * 1e3, (inferred - decoded) * 1e3, (explained - inferred) * 1e3)
        return replace(answer, timings=timings)

    def _answer(self, picture: Picture, plan: Plan, seen: Sequence[Outputs]) -> Answer:
        """Decide on each part that was shown, and on the field; without heat map and timings."""
        card = self.card
        decisions = []
        for outputs in seen:
            reason = ood_reason(
                card, outputs.out_of_distribution_score, outputs.estimated_magnification, known=plan.seen
            )
            decisions.append(decide(card, outputs.probabilities, reason))
        decision, score, magnification = decisions[0], seen[0].out_of_distribution_score, plan.magnification
        tiles: tuple[Tile, ...] = ()
        if len(seen) > 1:
            tiles = tuple(
                Tile(**vars(box), decision=decided, out_of_distribution_score=outputs.out_of_distribution_score)
                for box, decided, outputs in zip(plan.boxes, decisions, seen, strict=True)
            )
            decision, score = decide_together(card, tiles, np.stack([outputs.probabilities for outputs in seen]))
        elif magnification is None and (estimate := seen[0].estimated_magnification) is not None:
            magnification = Magnification(estimate, "estimated")
        return Answer(
            **vars(decision),
            out_of_distribution_score=score,
            magnification=magnification,
            tiles=tiles,
            picture=picture,
            heatmap_png=None,
            notes=plan.notes,
            timings=Timings(0.0, 0.0, 0.0),
        )


def load(model_dir: Path, *, threads: int = 1, digest: str | None = None) -> Classifier:
    """Load a model folder: read the card, check the file against it, prepare the interpreter.

    Parameters
    ----------
    model_dir
        Folder with ``model.json`` and the file that it names.
    threads
        Of one forward pass; the answer does not depend on it.
    digest
        What the model must be: ``model_digest`` of file and card. None takes the model that lies there.

    Returns
    -------
    Classifier
        Ready to answer.

    Raises
    ------
    ModelError
        Where either file is missing, damaged or not what the card says; names the file and what to do.
    """
    described = card_bytes(model_dir)
    card = parse_card(described, model_dir / CARD_NAME)
    path = model_dir / card.file
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read ({error.strerror}): restore the model file that {CARD_NAME} names."
        ) from error
    # The very bytes that are run are hashed, so that no swap of the file can come between.
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != card.sha256:
        raise ModelError(
            f"{path} has sha256 {sha256}, not the {card.sha256} of {CARD_NAME}: restore the file of that card."
        )
    actual_digest = model_digest(sha256, described)
    if digest is not None and actual_digest != digest:
        raise ModelError(
            f"{model_dir} has the digest {actual_digest} over {card.file} and {CARD_NAME}, not {digest}: restore both "
            "as they were released, or find out who changed them."
        )
    try:
        interpreter = Interpreter(model_content=content, num_threads=threads)
        interpreter.allocate_tensors()
        classifier = Classifier(card, interpreter, actual_digest, model_dir.resolve().name)
        classifier.check()
    except (ValueError, RuntimeError, KeyError) as error:
        raise ModelError(f"{path} is not a model that this service can run: {error}") from error
    return classifier


def _tensor(details: dict[str, Any], name: str, shape: tuple[int | None, ...], dtype: type) -> int:
    """Find a tensor by its signature name; refuse another shape (None fits any size) or type than expected."""
    if name not in details:
        raise ValueError(f"signature {SIGNATURE} has no {name!r}, only {sorted(details)}")
    actual_shape = tuple(int(side) for side in details[name]["shape"])
    fits = len(actual_shape) == len(shape) and all(
        want in (None, got) for want, got in zip(shape, actual_shape, strict=True)
    )
    if not fits or details[name]["dtype"] is not dtype:
        expected = f"{dtype.__name__}{list(shape)}"
        raise ValueError(
            f"{name!r} is {details[name]['dtype'].__name__}{list(actual_shape)}, where {expected} is needed"
        )
    return int(details[name]["index"])
