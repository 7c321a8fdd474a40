"""Examines a model folder: the file, its card, its evidence, and what is wrong with them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from inference import CARD_NAME, ModelCard, ModelError, load, model_digest
from training.evaluation.results import Evidence
from training.serving.files import FILE_NAME


@dataclass(frozen=True)
class Candidate:
    """A model folder and its problems.

    Attributes
    ----------
    sha256
        Digest over file and card, as an environment names the model; empty without either.
    file_sha256
        Of the file alone, whatever the card says; empty without one.
    card, evidence
        None where they are missing or broken; ``problems`` says how.
    problems
        By part (``card``, ``file``, ``evidence``).
    run_id
        Of MLflow, where it came from there.
    """

    folder: Path
    sha256: str
    file_sha256: str
    card: ModelCard | None
    evidence: Evidence | None
    problems: dict[str, str]
    run_id: str | None = None


def examine(folder: Path, run_id: str | None = None) -> Candidate:
    """Read a model folder, and note everything that is wrong with it.

    Parameters
    ----------
    folder
        Holds ``model.tflite`` and ``model.json``, or should.
    run_id
        Of MLflow, if it was fetched from there.
    """
    problems: dict[str, str] = {}
    file = folder / FILE_NAME
    file_sha256 = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
    if not file_sha256:
        problems["file"] = f"{file} is missing: export the model again"
    card = _card(folder / CARD_NAME, problems)
    if card and file_sha256:
        _check_file(folder, card, file_sha256, problems)
    card_path = folder / CARD_NAME
    sha256 = model_digest(file_sha256, card_path.read_bytes()) if file_sha256 and card_path.is_file() else ""
    return Candidate(folder, sha256, file_sha256, card, _evidence(card, problems), problems, run_id)


def _card(path: Path, problems: dict[str, str]) -> ModelCard | None:
    try:
        return ModelCard.model_validate_json(path.read_bytes())
    except OSError:
        problems["card"] = f"{path} is missing: export the model again"
    except ValidationError as error:
        problems["card"] = f"{path.name} is no card of a model: {_list_problems(error)}"
    return None


def _check_file(folder: Path, card: ModelCard, sha256: str, problems: dict[str, str]) -> None:
    """Check that the card is of this file, and that the file can be served."""
    if card.file != FILE_NAME:
        problems["card"] = f"{CARD_NAME} names {card.file}, and what is served is {FILE_NAME}"
    elif card.sha256 != sha256:
        problems["file"] = f"{FILE_NAME} has sha256 {sha256}, but its card names {card.sha256}: export the model again"
    else:
        try:
            load(folder)
        except ModelError as error:
            problems["file"] = str(error)


def _evidence(card: ModelCard | None, problems: dict[str, str]) -> Evidence | None:
    if card is None or not card.evaluation:
        problems["evidence"] = "the card holds no evaluation: measure it with python -m training evaluate"
        return None
    try:
        return Evidence.model_validate(card.evaluation)
    except ValidationError as error:
        problems["evidence"] = (
            f"the card's evaluation is not of this version ({_list_problems(error)}): measure it again"
        )
        return None


def _list_problems(error: ValidationError, limit: int = 4) -> str:
    problems = [f"{'.'.join(map(str, entry['loc']))}: {entry['msg']}" for entry in error.errors()]
    return "; ".join(problems[:limit] + ([f"and {len(problems) - limit} more"] if len(problems) > limit else []))
