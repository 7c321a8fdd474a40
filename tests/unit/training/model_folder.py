"""What must hold of every model folder that a run wrote."""

from pathlib import Path

import pytest

from inference import load
from training.data.classes import labels_of, read_classes
from training.data.synthetic import draw_field


def expect_to_serve(folder: Path) -> None:
    """Expect a file that is its network, numbers of every held-out field, and an answer."""
    file = load(folder)
    told = file.card.training
    assert told["parity"]["agreement"] == 1.0
    assert sum(sum(row) for row in told["held_out"]["confusion"]) == told["held_out"]["images"]
    assert file.run(draw_field(labels_of(read_classes())[0], 0)).probabilities.sum() == pytest.approx(1.0, abs=1e-5)
