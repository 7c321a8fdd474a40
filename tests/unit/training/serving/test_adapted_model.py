"""A base lends its network, if it embeds as the network of its name does, untrained; and its classes."""

import io
from dataclasses import replace
from pathlib import Path

import pytest

from inference import ModelError, load, read_card
from tests.drawn_cells import draw, write_patients
from tests.unit.training.small_base import IMAGES
from training.cli import main
from training.models.base_statistics import read_statistics
from training.serving.adapted_model import demand_frozen, network_of


def test_a_base_whose_network_is_frozen_lends_it_with_its_own_statistics(small_base: Path) -> None:
    file = load(small_base)
    own, lent = network_of(file.card, 2), read_statistics(small_base, file.card.training)
    demand_frozen(own, IMAGES, file, None)
    demand_frozen(own, IMAGES, file, lent)
    with pytest.raises(ModelError, match=r"statistics\.npz is not of what its file embeds: make the base again"):
        demand_frozen(own, IMAGES, file, replace(lent, spread=lent.spread * 1.1))


def test_a_base_whose_network_was_trained_on_is_refused(small_base: Path) -> None:
    file = load(small_base)
    network = network_of(file.card, 2)  # the other way round: of file and network, this one was trained on
    features = network.get_layer("features")
    features.set_weights([one * 1.05 if one.ndim == 4 else one for one in features.get_weights()])
    with pytest.raises(ModelError, match=r"its network was trained on; give a base with a linear head"):
        demand_frozen(network, IMAGES, file, None)


def test_the_classes_of_the_base_are_kept_by_what_it_lends(
    small_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEUKOLENS_TRACKING", "off")
    monkeypatch.chdir(tmp_path)
    both = ["--base", str(small_base), "--add-to-base", "--output", "both"]
    assert main(["adapt", str(write_patients(tmp_path / "own")), *both]) == 0
    card = read_card(tmp_path / "both")
    assert card.labels == (*read_card(small_base).labels, "lobed", "round")
    assert card.evaluation["shortcuts"]["mean_colour"]  # of one's own images, as the learning curve is
    cell = io.BytesIO()
    draw("round", 102).save(cell, "PNG")
    assert load(tmp_path / "both").predict(cell.getvalue()).probabilities.keys() == set(card.labels)
