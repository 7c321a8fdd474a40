"""The model's card: what the file is, how its numbers are read, what it is and is not for."""

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from .errors import ModelError

CARD_NAME: Final = "model.json"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InputSpec(_Part):
    """What the file takes: uint8[1, height, width, 3]."""

    height: int = Field(gt=0)
    width: int = Field(gt=0)
    channels: Literal[3] = 3
    dtype: Literal["uint8"] = "uint8"
    colour: Literal["RGB"] = "RGB"


class PredictionSetRule(_Part):
    """A label is in the set when its probability reaches the minimum (LAC: Sadinle, Lei and Wasserman, 2019)."""

    method: str
    reference: str
    target_coverage: float = Field(gt=0.0, lt=1.0)
    minimum_probability: float = Field(ge=0.0, le=1.0)


class OutOfDistributionRule(_Part):
    """A score above the threshold is not a field that the model knows."""

    method: str
    reference: str
    threshold: float
    development_quantile: float = Field(gt=0.0, le=1.0)


class Calibration(_Part):
    """How logits became probabilities; the temperature is folded into the file's head."""

    method: str
    temperature: float = Field(gt=0.0)


class ModelCard(_Part):
    """``model.json`` beside the model file; an unknown field is an error."""

    schema_version: Literal[1] = 1
    name: str
    version: str
    created: datetime
    license: str
    file: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="Name of the model file, beside the card.")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size_bytes: int = Field(gt=0)
    backbone: str
    precision: str
    labels: tuple[str, ...] = Field(min_length=2)
    malignant_labels: tuple[str, ...] = Field(min_length=1)
    input: InputSpec
    prediction_set: PredictionSetRule
    out_of_distribution: OutOfDistributionRule
    calibration: Calibration
    intended_use: str
    misuse: str
    training: dict[str, Any]
    evaluation: dict[str, Any]

    @model_validator(mode="after")
    def _labels_are_consistent(self) -> Self:
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("labels: each may appear once")
        if unknown := set(self.malignant_labels) - set(self.labels):
            raise ValueError(f"malignant_labels: {sorted(unknown)} are not among labels")
        return self


def sha256_of(path: Path) -> str:
    """Hash a file.

    Returns
    -------
    str
        SHA-256 in hexadecimal.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_card(model_dir: Path) -> ModelCard:
    """Read the card of a model folder.

    Raises
    ------
    ModelError
        Where it is missing or not as the schema says; names the file and the field.
    """
    path = model_dir / CARD_NAME
    try:
        return ModelCard.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read ({error.strerror}): restore it, or train with `make train`."
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the card"
        raise ModelError(f"{path} is not a valid model card: {where}: {first['msg']}") from error


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
