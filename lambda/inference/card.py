"""The model's card: what the file is, how its numbers are read, what it is and is not for."""

import hashlib
import math
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from .classes import MAX_CLASSES, ClassSpec, check_classes
from .errors import ModelError

CARD_NAME: Final = "model.json"
LARGEST_NUMBER: Final = 1_000.0
"""No threshold, slope or intercept of a card is larger: a score is a distance per dimension or a logit, and a larger
number would switch the rule off."""

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Bounded = Annotated[float, Field(ge=-LARGEST_NUMBER, le=LARGEST_NUMBER)]
Magnification = Annotated[float, Field(gt=0.0, le=100.0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class InputSpec(_Part):
    """What the file takes: uint8[1, height, width, 3]."""

    height: int = Field(gt=0)
    width: int = Field(gt=0)
    channels: Literal[3] = 3
    dtype: Literal["uint8"] = "uint8"
    colour: Literal["RGB"] = "RGB"


class PredictionSetRule(_Part):
    """A label is in the set when its probability reaches the label's minimum.

    One number for all labels is LAC (Sadinle, Lei and Wasserman, 2019); a number a label is its class-conditional form.
    """

    method: str
    reference: str
    target_coverage: float = Field(gt=0.0, lt=1.0)
    minimum_probability: Share | dict[str, Share]


class TriageRule(_Part):
    """How malignant is told from benign: sigmoid(slope * logit(sum of malignant probabilities) + intercept).

    From ``malignant_minimum`` on, malignant is accepted; up to ``benign_maximum``, benign; what lies between is
    uncertain.
    """

    method: str
    reference: str
    slope: float = Field(default=1.0, gt=0.0, le=LARGEST_NUMBER)
    intercept: Bounded = 0.0
    malignant_minimum: Share
    benign_maximum: Share
    guarantee: str = Field(default="", description="What holds for a new slide, in a sentence.")

    @model_validator(mode="after")
    def _thresholds_are_in_order(self) -> Self:
        if self.benign_maximum >= self.malignant_minimum:
            raise ValueError("benign_maximum must be below malignant_minimum")
        return self


class ScaleRule(_Part):
    """Which magnifications the model may be asked about, relative to the trained one (0.5: cells half as large)."""

    method: str
    reference: str
    minimum: Magnification
    maximum: Magnification
    microns_per_pixel: float | None = Field(
        default=None, gt=0.0, le=100.0, description="Of the model's input at the trained magnification, where known."
    )

    @model_validator(mode="after")
    def _holds_the_trained_magnification(self) -> Self:
        if not self.minimum <= 1.0 <= self.maximum:
            raise ValueError("minimum and maximum must hold 1, the trained magnification, between them")
        return self


class OutOfDistributionRule(_Part):
    """A score above the threshold is not a field that the model knows."""

    method: str
    reference: str
    threshold: Bounded
    development_quantile: float = Field(gt=0.0, le=1.0)


class Calibration(_Part):
    """How logits became probabilities; the temperature is folded into the file's head."""

    method: str
    temperature: float = Field(gt=0.0, le=LARGEST_NUMBER)


def _finite(value: Any) -> Any:
    """Refuse a number that is not finite at any depth of a card's free parts."""
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("holds a number that is not finite")
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
        _finite(part)
    return value


FreePart = Annotated[dict[str, Any], BeforeValidator(_finite)]


class ModelCard(_Part):
    """``model.json`` beside the model file; an unknown field is an error.

    Version 1 is read as well: its labels become classes that are called by their ids, those of ``malignant_labels``
    malignant and the others benign.
    """

    schema_version: Literal[2] = 2
    name: str
    version: str
    created: datetime
    license: str
    file: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="Name of the model file, beside the card.")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="Of the model file alone; see ``model_digest``.")
    size_bytes: int = Field(gt=0)
    backbone: str
    precision: str
    classes: tuple[ClassSpec, ...] = Field(min_length=2, max_length=MAX_CLASSES)
    input: InputSpec
    prediction_set: PredictionSetRule
    triage: TriageRule | None = None
    scale: ScaleRule | None = None
    out_of_distribution: OutOfDistributionRule
    calibration: Calibration
    intended_use: str
    misuse: str
    training: FreePart
    evaluation: FreePart

    @model_validator(mode="before")
    @classmethod
    def _read_version_1(cls, values: Any) -> Any:
        if not isinstance(values, dict) or values.get("schema_version", 1) != 1 or "classes" in values:
            return values
        labels, malignant = values.get("labels", ()), values.get("malignant_labels", ())
        for name, listed in (("labels", labels), ("malignant_labels", malignant)):
            if not (isinstance(listed, list | tuple) and listed and all(isinstance(label, str) for label in listed)):
                raise ValueError(f"{name}: a list of labels is needed")
        if unknown := set(malignant) - set(labels):
            raise ValueError(f"malignant_labels: {sorted(unknown)} are not among labels")
        classes = [
            {"id": label, "name": label, "triage": "malignant" if label in malignant else "benign"} for label in labels
        ]
        others = {name: value for name, value in values.items() if name not in {"labels", "malignant_labels"}}
        return others | {"schema_version": 2, "classes": classes}

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        check_classes(self.classes)
        minimum = self.prediction_set.minimum_probability
        if isinstance(minimum, dict) and set(minimum) != set(self.labels):
            raise ValueError("prediction_set: minimum_probability must have a number for each class, and no other")
        if self.triage is not None and not self.has_triage:
            raise ValueError("triage: the classes have no malignant and benign groups to be told apart")
        return self

    @property
    def labels(self) -> tuple[str, ...]:
        """Ids of the classes, in the order of the file's probabilities."""
        return tuple(spec.id for spec in self.classes)

    @property
    def malignant_labels(self) -> tuple[str, ...]:
        """Ids of the malignant classes."""
        return tuple(spec.id for spec in self.classes if spec.triage == "malignant")

    @property
    def has_triage(self) -> bool:
        """Whether there are malignant and benign classes; without both, nothing is said of either."""
        return {"malignant", "benign"} <= {spec.triage for spec in self.classes}

    @property
    def minimum_probabilities(self) -> npt.NDArray[np.float64]:
        """float64[labels]: from which probability on each label is in the prediction set."""
        minimum = self.prediction_set.minimum_probability
        return np.array([minimum[label] if isinstance(minimum, dict) else minimum for label in self.labels])

    @property
    def triage_rule(self) -> TriageRule | None:
        """The rule in force: the card's own, or one derived from the prediction set; None without both groups.

        Derived, it is the prediction set of two labels: malignant and benign, each with its sum of probabilities,
        against the least minimum of any label.
        """
        if self.triage is not None or not self.has_triage:
            return self.triage
        minimum = float(self.minimum_probabilities.min())
        low = min(minimum, 1.0 - minimum)
        return TriageRule(
            method="prediction set of the sums of the malignant and of the benign labels",
            reference=self.prediction_set.reference,
            malignant_minimum=max(1.0 - low, low + 1e-6),
            benign_maximum=low,
        )


def sha256_of(path: Path) -> str:
    """Hash a file.

    Returns
    -------
    str
        SHA-256 in hexadecimal.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def model_digest(file_sha256: str, card: bytes) -> str:
    """Give the one digest of a model: over its file and its card, since the card says what the file's numbers mean.

    It is what every answer names, what an environment's ``model.sha256`` must be, and what
    ``LEUKOLENS_MODEL_SHA256`` is held against.

    Parameters
    ----------
    file_sha256
        SHA-256 of the model file, in hexadecimal.
    card
        The bytes of ``model.json``, as they are.

    Returns
    -------
    str
        SHA-256 in hexadecimal.
    """
    return hashlib.sha256(bytes.fromhex(file_sha256) + card).hexdigest()


def folder_digest(model_dir: Path) -> str:
    """Give the digest of a model folder as it lies there.

    Raises
    ------
    ModelError
        Where the card or the file cannot be read.
    """
    content = card_bytes(model_dir)
    path = model_dir / parse_card(content, model_dir / CARD_NAME).file
    try:
        return model_digest(sha256_of(path), content)
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read ({error.strerror}): restore the model file that {CARD_NAME} names."
        ) from error


def parse_card(content: bytes, path: Path) -> ModelCard:
    """Read a card's bytes; ``path`` is named where they are not one.

    Raises
    ------
    ModelError
        Where they are not as the schema says; names the field.
    """
    try:
        return ModelCard.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the card"
        raise ModelError(f"{path} is not a valid model card: {where}: {first['msg']}") from error


def read_card(model_dir: Path) -> ModelCard:
    """Read the card of a model folder.

    Raises
    ------
    ModelError
        Where it is missing or not as the schema says; names the file and the field.
    """
    return parse_card(card_bytes(model_dir), model_dir / CARD_NAME)


def card_bytes(model_dir: Path) -> bytes:
    """Give the bytes of a model folder's card, as they are.

    Raises
    ------
    ModelError
        Where it cannot be read; names the file.
    """
    path = model_dir / CARD_NAME
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read ({error.strerror}): restore it, or train with `make train`."
        ) from error


def write_card(card: ModelCard, model_dir: Path) -> Path:
    """Write a card into its model folder.

    Returns
    -------
    Path
        The file written.
    """
    path = model_dir / CARD_NAME
    path.write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return path
