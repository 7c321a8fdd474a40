import shutil
from pathlib import Path

import pytest

from training.data.labels import DataError
from training.data.manifest import MANIFEST_NAME
from training.data.validation import manifest_of


def test_a_folder_is_read_once_and_again_when_it_changes(drawn_set: Path, tmp_path: Path) -> None:
    folder, cache = Path(shutil.copytree(drawn_set, tmp_path / "set")), tmp_path / "cache"
    first = manifest_of(folder, cache, progress=False)
    assert len(first.records) == 24
    assert manifest_of(folder, cache, progress=False) == first
    assert len(list(cache.iterdir())) == 1
    shutil.copy(folder / "Pre" / "synthetic_pre_01.png", folder / "Pre" / "synthetic_pre_07.png")
    second = manifest_of(folder, cache, progress=False)
    groups = {record.key: record.duplicate_group for record in second.records if record.duplicate_group}
    assert set(groups) == {"Pre/synthetic_pre_01.png", "Pre/synthetic_pre_07.png"}
    assert len(set(groups.values())) == 1


def test_a_manifest_that_came_with_the_folder_is_taken(drawn_set: Path, tmp_path: Path) -> None:
    made = manifest_of(drawn_set, tmp_path / "cache", progress=False)
    folder = Path(shutil.copytree(drawn_set, tmp_path / "set"))
    (folder / MANIFEST_NAME).write_bytes(made.content)
    assert manifest_of(folder, tmp_path / "never", progress=False) == made
    assert not (tmp_path / "never").exists()


def test_a_manifest_of_other_images_is_refused_by_name(drawn_set: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(drawn_set, tmp_path / "set"))
    (folder / MANIFEST_NAME).write_bytes(manifest_of(drawn_set, tmp_path / "cache", progress=False).content)
    (folder / "Pre" / "synthetic_pre_01.png").rename(folder / "Pre" / "other-1.png")
    with pytest.raises(DataError, match=r"names 1 images that are not there, such as Pre/synthetic_pre_01\.png: pull"):
        manifest_of(folder, tmp_path / "never", progress=False)
    shutil.copy(folder / "Pre" / "other-1.png", folder / "Pre" / "synthetic_pre_01.png")
    with pytest.raises(DataError, match=r"does not name 1 images that are there, such as Pre/other-1\.png: remove"):
        manifest_of(folder, tmp_path / "never", progress=False)


def test_problems_are_listed_all(drawn_set: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(drawn_set, tmp_path / "set"))
    for name in ("Pre/synthetic_pre_01.png", "Pro/synthetic_pro_02.png"):
        (folder / name).write_bytes(b"")
    with pytest.raises(DataError, match=r"(?s)synthetic_pre_01.*synthetic_pro_02"):
        manifest_of(folder, tmp_path / "cache", progress=False)
