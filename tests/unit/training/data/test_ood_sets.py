from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.data import ood_sets
from training.data.labels import DataError
from training.data.synthetic import write_dataset


def test_photographs_are_many_and_none_twice() -> None:
    crops = ood_sets.bundled(ood_sets.PHOTOGRAPHS)
    assert len(crops) >= 100
    assert crops.shape[1:] == (224, 224, 3)
    assert len(np.unique(crops.reshape(len(crops), -1), axis=0)) == len(crops)


def test_a_photograph_that_is_not_shipped_is_named() -> None:
    with pytest.raises(DataError, match="skin"):
        ood_sets.bundled(["skin.jpg"])


def test_collections_are_the_same_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ood_sets, "OF_EACH_KIND", 3)
    monkeypatch.setattr(ood_sets, "DRAWN_PER_LABEL", 2)
    write_dataset(tmp_path / "clinic", per_class=1, seed=1, size=96, flat=True)
    first, again = (ood_sets.collections([tmp_path / "clinic"]) for _ in range(2))
    assert list(first) == ["clinic", "photographs", "medical", "noise", "blank", "synthetic"]
    assert len(first["clinic"]) == 4
    assert all(np.array_equal(first[name], again[name]) for name in first)


def test_nothing_that_is_learnt_from_is_examined_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ood_sets, "OF_EACH_KIND", 3)
    monkeypatch.setattr(ood_sets, "DRAWN_PER_LABEL", 2)
    taught, examined = ood_sets.taught([], seed=1), ood_sets.collections([])
    assert not set(ood_sets.PHOTOGRAPHS) & set(ood_sets.TAUGHT_PHOTOGRAPHS)
    for name in taught:
        digests = [{one.tobytes() for one in images} for images in (taught[name], examined[name])]
        assert not digests[0] & digests[1], name
    # A picture and its varied copy.
    assert all(len(one) % 2 == 0 for one in taught.values())


def test_a_letterbox_is_cut_and_a_field_is_not(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    field = random.integers(100, 255, (120, 200, 3), np.uint8)
    boxed = np.zeros((200, 200, 3), np.uint8)
    boxed[40:160] = field
    (tmp_path / "boxed").mkdir()
    (tmp_path / "whole").mkdir()
    Image.fromarray(boxed).save(tmp_path / "boxed" / "1.png")
    Image.fromarray(field).save(tmp_path / "whole" / "1.png")
    cut = ood_sets.without_letterbox(tmp_path / "boxed")
    assert cut is not None
    assert cut.shape == (1, 224, 224, 3)
    assert cut.min() > 60
    assert ood_sets.without_letterbox(tmp_path / "whole") is None


def test_blank_fields_hold_nothing() -> None:
    contrast = ood_sets.blank().astype(float).std(axis=(1, 2)).max()
    assert contrast < 12  # a lamp's slope and a sensor's noise


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no picture"):
        ood_sets.folder(tmp_path)
