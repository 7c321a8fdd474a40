"""Which images ``adapt`` keeps on one side of a test, where nobody told who is who."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.adaptation import _linked_groups, read_folder

LETTERS = "abcdefghijkl"


def picture(seed: int, brighter: int = 0) -> Image.Image:
    """Draw blotches that resemble those of no other seed."""
    blotches = np.random.default_rng(seed).integers(20, 220, (12, 12, 3), np.uint8) + np.uint8(brighter)
    return Image.fromarray(blotches).resize((96, 96), Image.Resampling.BICUBIC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give two classes of twelve cells, one of them photographed twice."""
    for number, kind in enumerate(("round", "lobed")):
        (tmp_path / kind).mkdir()
        for place, letter in enumerate(LETTERS):
            picture(100 * number + place).save(tmp_path / kind / f"{letter}.png")
    picture(0, brighter=9).save(tmp_path / "round" / "m.png")
    return tmp_path


def test_two_pictures_of_one_cell_are_left_out_together(folder: Path) -> None:
    data = read_folder(folder, None)
    groups = dict(zip(data.keys, _linked_groups(data), strict=True))
    assert groups["round/a.png"] == groups["round/m.png"]
    assert len(set(groups.values())) == len(groups) - 1


def test_what_somebody_told_is_not_joined_by_looks(folder: Path) -> None:
    rows = [f"{path.relative_to(folder)},P{number % 5}" for number, path in enumerate(sorted(folder.rglob("*.png")))]
    (folder / "groups.csv").write_text("\n".join(["file,patient", *rows]))
    data = read_folder(folder, None)
    assert _linked_groups(data) == [data.groups.names[key] for key in data.keys]
    assert data.groups.names["round/a.png"] != data.groups.names["round/m.png"]


def test_a_class_is_never_joined_to_one_group(folder: Path) -> None:
    for path in (folder / "round").iterdir():
        path.unlink()
    for brighter, letter in enumerate(LETTERS):
        picture(0, brighter).save(folder / "round" / f"{letter}.png")
    data = read_folder(folder, None)
    assert len({one.duplicate_group for one in data.manifest.records if one.label == "round"}) == 1
    assert len(set(_linked_groups(data))) == len(data.keys)
