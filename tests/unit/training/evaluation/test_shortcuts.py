from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from training.data.dataset import load_fields
from training.data.manifest import Manifest
from training.data.splits import random_folds
from training.data.synthetic import draw_field
from training.evaluation import shortcuts
from training.evaluation.fold_predictions import Pictures
from training.evaluation.folds import read_candidates


def test_density_tells_crowded_fields_from_sparse_ones() -> None:
    sparse, crowded = (
        np.array([shortcuts.density(draw_field(label, k)) for k in range(6)]) for label in ("Benign", "Pre")
    )
    assert (crowded[:, 1] > sparse[:, 1].max()).all(), "the area of stained cells"
    assert crowded[:, 0].mean() > sparse[:, 0].mean(), "their count"


def test_an_empty_field_has_no_cell() -> None:
    assert shortcuts.density(np.full((224, 224, 3), 240, np.uint8)).tolist() == [0, 0]


@pytest.mark.parametrize("name", ["corner", "background"])
def test_cells_outside_its_part_are_not_seen(name: str) -> None:
    field = draw_field("Pro", 3)
    changed = field.copy()
    # A purple disc, as a leukocyte is, in the middle of the field.
    y, x = np.ogrid[:224, :224]
    changed[(y - 80) ** 2 + (x - 80) ** 2 < 15**2] = (120, 60, 150)
    see = shortcuts.SHORTCUTS[name][0]
    assert np.allclose(see(changed), see(field), atol=3.0 if name == "background" else 1e-6)
    assert not np.allclose(shortcuts.density(changed), shortcuts.density(field))


def test_audit_scores_what_is_there_to_find(drawn: tuple[Path, Manifest], write_fold: Callable[..., Path]) -> None:
    folder, manifest = drawn
    fields = load_fields(folder)
    keys = [f"{path.parent.name}/{path.name}" for path in fields.paths]
    for fold in random_folds(manifest.records, 2):
        root = write_fold(fold, manifest).parent.parent
    listed = read_candidates(root, manifest)["lite"]["random"]
    features = shortcuts.features_of(fields.images)
    # A clue that gives the label away must be found; a constant gives nothing.
    features["mean_colour"] = fields.labels[:, None] * 100.0
    features["density"] = np.zeros((len(fields), 2))
    found = shortcuts.audit(listed, features, Pictures.of(fields.images, keys, manifest), "audit")
    assert found["mean_colour"][0] == 1.0
    assert found["density"][0] == 0.25
    assert [fold.name for fold in found["density"][1]] == ["random-1", "random-2"]
    assert set(found) == {"mean_colour", "corner", "background", "density"}


def test_other_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="read them anew"):
        shortcuts.features_of(np.zeros((1, 64, 64, 3), np.uint8))
