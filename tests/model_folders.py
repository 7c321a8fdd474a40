"""Model folders to try the card's rules on: copies of the shipped file with another card."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from settings import load_settings

from inference import ModelCard, read_card, write_card
from training.data.classes import read_classes


def public_card(**changes: Any) -> ModelCard:
    """Give the shipped model's card with the public set's classes, neither scale nor triage rule, and changes.

    Parameters
    ----------
    changes
        By field; a mapping changes only what it names of a part that is there.
    """
    card = read_card(load_settings({}).model_dir)
    told = card.model_dump() | {"classes": [one.model_dump() for one in read_classes()], "triage": None, "scale": None}
    # One number for whatever labels a test names, and the rules that a test names itself.
    told["prediction_set"]["minimum_probability"] = 0.2
    for name, value in changes.items():
        part = told[name]
        told[name] = {**part, **value} if isinstance(part, dict) and isinstance(value, Mapping) else value
    return ModelCard.model_validate(told)


def copy_of(folder: Path, **changes: Any) -> Path:
    """Write a model folder with the shipped file and a changed card (``public_card``)."""
    shipped = load_settings({}).model_dir
    card = public_card(**changes)
    folder.mkdir(parents=True)
    (folder / card.file).symlink_to(shipped / card.file)
    write_card(card, folder)
    return folder
