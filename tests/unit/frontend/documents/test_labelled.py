import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from api.schemas import OTHER
from frontend.classification import Batch
from frontend.documents import labelled
from frontend.finding import ClassWords, with_own
from frontend.workspace import Review, Workspace
from tests.unit.frontend.conftest import FakeClient, png
from training.data.classes import class_called, read_classes
from training.data.dataset import list_fields

KNOWN = [
    ClassWords("Benign", "benign", "No blasts", "#0072B2", "benign"),
    ClassWords("Pro", 'pro-B "late"', "", "#CC79A7", "malignant"),
]


def answered(*names: str) -> Workspace:
    workspace = Workspace(limit_bytes=10_000_000)
    for number, name in enumerate(names):
        workspace.add(name, png((number, 0, 0)))
    batch = Batch(workspace)
    batch.connect(FakeClient(), 2)
    batch.start()
    batch.wait()
    return workspace


def archive(workspace: Workspace) -> bytes:
    classes = with_own(KNOWN, workspace.own_classes)
    return b"".join(labelled.write(labelled.fields_of(workspace), classes, "Case-12"))


def test_what_is_labelled_is_read_by_training(tmp_path: Path):
    """With the very code that takes a data set in."""
    workspace = answered("a.png", "folder/b.png", "c", "d.png")
    own = workspace.add_class("Smudge cell")
    keys = list(workspace.fields)
    for key, label in zip(keys, ("Benign", "Pro", own, OTHER), strict=True):
        workspace.set_review(key, Review(label))
    path = tmp_path / "labelled.zip"
    path.write_bytes(archive(workspace))
    with zipfile.ZipFile(path) as packed:
        assert packed.testzip() is None
        rows = packed.read("groups.csv").decode().split()
        packed.extractall(tmp_path / "set")
    files = ["Benign/0001-a.png", "Pro/0002-b.png", "Smudge-cell/0003-c.png"]
    assert rows == ["file,specimen", *(f"{name},Case-12" for name in files)]
    classes = read_classes(tmp_path / "set" / "classes.toml")
    assert [one.id for one in classes] == ["Benign", "Pro", "Smudge-cell"]
    assert [getattr(class_called(classes, name.split("/")[0]), "name", None) for name in files] == [
        "benign",
        'pro-B "late"',
        "Smudge cell",
    ]
    with Image.open(tmp_path / "set" / "Smudge-cell" / "0003-c.png") as image:
        assert np.asarray(image).shape == (80, 80, 3)


def test_classes_that_were_not_given_are_not_listed(tmp_path: Path):
    """``adapt`` refuses a list that names a class without a folder."""
    workspace = answered("a.png", "b.png")
    own = workspace.add_class("Smudge cell")
    for key, label in zip(workspace.fields, ("Pro", own), strict=True):
        workspace.set_review(key, Review(label))
    with zipfile.ZipFile(io.BytesIO(archive(workspace))) as packed:
        packed.extractall(tmp_path)
    assert [one.id for one in list_fields(tmp_path).classes] == ["Pro", "Smudge-cell"]


def test_fields_of_other_specimens_and_files_let_go_are_left_out():
    workspace = answered("a.png", "b.png", "c.png")
    for key in workspace.fields:
        workspace.set_review(key, Review("Pro"))
    first, second, _third = workspace.fields.values()
    first.left_out, second.data = True, None
    with zipfile.ZipFile(io.BytesIO(archive(workspace))) as packed:
        assert packed.namelist() == ["Pro/0003-c.png", "groups.csv", "classes.toml"]
        assert packed.read("groups.csv").decode().splitlines() == ["file,specimen", "Pro/0003-c.png,Case-12"]


def test_a_class_of_ones_own_has_an_id_that_every_system_takes():
    workspace = Workspace(limit_bytes=1)
    assert workspace.add_class("  Smudge   cell ") == "Smudge-cell"
    assert workspace.add_class("smudge cell") == "Smudge-cell"
    assert workspace.add_class("Smudge-cell!") == "Smudge-cell-2"
    assert workspace.add_class("\u6dcb\u5df4\u7ec6\u80de") == "class-3"
    with pytest.raises(ValueError, match="needs a name"):
        workspace.add_class("  ")
