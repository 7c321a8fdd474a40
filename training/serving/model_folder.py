"""Writes a model folder: the file and its card, together or not at all."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inference import CARD_NAME, Classifier, ClassSpec, ModelCard, load
from inference.card import (
    Calibration,
    InputSpec,
    OutOfDistributionRule,
    PredictionSetRule,
    ScaleRule,
    TriageRule,
    write_card,
)
from training.data.labels import INPUT_SIDE_PX
from training.models import calibration, out_of_distribution, slide_calibration
from training.models.learners import OOD_QUANTILE, Learned
from training.models.slide_calibration import TriageNumbers
from training.models.slide_learner import KNOWN_QUANTILE, SlideNumbers
from training.serving.files import FILE_NAME

GATED = (
    "distance to the nearest class mean (Mahalanobis, covariance by probabilistic PCA) plus a logistic regression of "
    "strangers against known fields, each in units of slides left out"
)
INTENDED_USE = (
    "Research on the triage of peripheral blood smear fields for patterns of acute lymphoblastic leukaemia. "
    "Subtypes are settled by flow cytometry."
)
MISUSE = (
    "Diagnosis, or any decision about a patient; smears of other stains, microscopes or magnifications than the "
    "training set's without an evaluation on them. The training set is of one laboratory, without patient numbers, "
    "and its classes differ in colour and density of cells, which a model can learn in place of morphology."
)


def make_card(
    content: bytes,
    *,
    version: str,
    backbone: str,
    classes: Sequence[ClassSpec],
    temperature: float,
    minimum_probability: float | dict[str, float],
    threshold: float,
    quantile: float,
    training: dict[str, Any],
    numbers: SlideNumbers | None = None,
) -> ModelCard:
    """Describe a converted file; its evaluation stays empty until ``evaluate`` has measured the recipe on folds."""
    return ModelCard(
        name="leukolens",
        version=version,
        created=datetime.now(UTC).replace(microsecond=0),
        license="Apache-2.0",
        file=FILE_NAME,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        backbone=backbone,
        precision="float32",
        classes=tuple(classes),
        input=InputSpec(height=INPUT_SIDE_PX, width=INPUT_SIDE_PX),
        prediction_set=PredictionSetRule(
            method=slide_calibration.SETS if numbers else calibration.LAC,
            reference=slide_calibration.SETS_REFERENCE if numbers else calibration.LAC_REFERENCE,
            target_coverage=slide_calibration.TARGET_COVERAGE if numbers else calibration.TARGET_COVERAGE,
            minimum_probability=minimum_probability,
        ),
        triage=_triage(numbers.triage) if numbers and numbers.triage else None,
        scale=_scale(*numbers.magnifications) if numbers and numbers.magnifications else None,
        out_of_distribution=OutOfDistributionRule(
            method=GATED if numbers else out_of_distribution.METHOD,
            reference=out_of_distribution.REFERENCE,
            threshold=threshold,
            development_quantile=quantile,
        ),
        calibration=Calibration(method="temperature scaling (Guo et al., ICML 2017)", temperature=temperature),
        intended_use=INTENDED_USE,
        misuse=MISUSE,
        training=training,
        evaluation={},
    )


def card_of(
    content: bytes,
    learned: Learned,
    *,
    version: str,
    backbone: str,
    classes: Sequence[ClassSpec],
    training: dict[str, Any],
) -> ModelCard:
    """Describe the file of a trained classifier, with what it was found to be sure of."""
    return make_card(
        content,
        version=version,
        backbone=backbone,
        classes=classes,
        temperature=learned.temperature,
        minimum_probability=learned.minimum_probability,
        threshold=learned.threshold,
        quantile=KNOWN_QUANTILE if learned.numbers else OOD_QUANTILE,
        training=training,
        numbers=learned.numbers,
    )


def _triage(numbers: TriageNumbers) -> TriageRule:
    return TriageRule(method=slide_calibration.METHOD, reference=slide_calibration.REFERENCE, **asdict(numbers))


def _scale(least: float, most: float) -> ScaleRule:
    return ScaleRule(
        method="ridge regression of log2 of the magnification on the embedding; range of slides left out",
        reference="docs/decisions/123-magnification-is-read-off-the-embedding.md",
        minimum=least,
        maximum=most,
    )


def release(
    content: bytes,
    card: ModelCard,
    folder: Path,
    check: Callable[[Classifier], dict[str, Any]],
    max_bytes: int | None = None,
    beside: Mapping[str, bytes] | None = None,
) -> tuple[ModelCard, Path]:
    """Load a new model as it will be served, check it, and put it in place.

    Parameters
    ----------
    content : bytes
        The model file.
    card : ModelCard
        Its card.
    folder : Path
        Where it goes. What is there stays untouched if anything fails.
    check : callable
        Measures the loaded file and gives what the card's ``training`` shall say of it; raises to stop the release.
    max_bytes : int, optional
        What an image should carry; None for a file that is measured and never shipped.
    beside : mapping of str to bytes, optional
        More files of the folder, by name.

    Returns
    -------
    (ModelCard, Path)
        The whole card, and the folder.

    Raises
    ------
    ValueError
        The file is larger than what an image should carry.
    """
    if max_bytes is not None and len(content) > max_bytes:
        raise ValueError(f"the model file is {len(content) / 1e6:.1f} MB, over {max_bytes / 1e6:.0f} MB: not shipped")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as staging:
        staged = Path(staging)
        (staged / FILE_NAME).write_bytes(content)
        write_card(card, staged)
        measured_card = card.model_copy(
            update={"training": {**card.training, **check(load(staged, threads=os.cpu_count() or 1))}}
        )
        write_card(measured_card, staged)
        for name, extra in (beside or {}).items():
            (staged / name).write_bytes(extra)
        folder.mkdir(exist_ok=True)
        # The card goes last: between the two renames the old card refuses the new file, and nothing wrong is served.
        for name in (*(beside or {}), FILE_NAME, CARD_NAME):
            (staged / name).replace(folder / name)
    return measured_card, folder
