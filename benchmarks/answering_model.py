"""The shipped file with a card that turns no field away: a drawn field then gets an answer that can be compared."""

from pathlib import Path

from .machine import MODEL_DIR


def labels() -> tuple[str, ...]:
    """Give the labels of the shipped model, in the order of its probabilities."""
    from inference.card import read_card

    return read_card(MODEL_DIR).labels


def write_answering(folder: Path) -> Path:
    """Write a model folder; its answers take the same work as the shipped model's.

    Parameters
    ----------
    folder
        Is there, and empty.
    """
    from inference.card import LARGEST_NUMBER, read_card, write_card

    card = read_card(MODEL_DIR)
    rule = card.out_of_distribution.model_copy(update={"threshold": LARGEST_NUMBER})
    (folder / card.file).symlink_to(MODEL_DIR / card.file)
    write_card(card.model_copy(update={"out_of_distribution": rule, "scale": None}), folder)
    return folder
