"""The public set on this machine: what kagglehub downloads is checked before it counts."""

import shutil
import subprocess
import sys
from pathlib import Path

import kagglehub
import pytest
import requests

from local import fields as local_fields
from training.cli import main
from training.data.fetch import HANDLE
from training.data.manifest import MANIFEST_NAME
from training.data.validation import manifest_of


@pytest.fixture
def archive(drawn_set: Path, tmp_path: Path) -> Path:
    """Lay drawn fields out as Kaggle's archive is: originals, and segmented copies under the same names."""
    folder = tmp_path / "cache" / "versions" / "1"
    shutil.copytree(drawn_set, folder / "Original")
    shutil.copytree(drawn_set, folder / "Segmented")
    return folder


@pytest.fixture
def kaggle(archive: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Put the folder in Kaggle's place; gives what was asked for."""
    asked: list[str] = []

    def dataset_download(handle: str) -> str:
        asked.append(handle)
        return str(archive)

    monkeypatch.setattr(kagglehub, "dataset_download", dataset_download)
    return asked


def test_the_set_comes_checked_with_its_manifest_and_is_found(
    kaggle: list[str],
    drawn_set: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = tmp_path / "checkout"
    into = root / "data" / "all_smears"
    assert main(["fetch", "--into", str(into)]) == 0
    told = capsys.readouterr()
    assert told.out.startswith(f"24 images in {into} (6 Benign, 6 Early, 6 Pre, 6 Pro)")
    assert "24 files left aside as segmented copies" in told.err
    drawn = {path.relative_to(drawn_set): path.read_bytes() for path in drawn_set.rglob("*.png")}
    assert {path.relative_to(into): path.read_bytes() for path in into.rglob("*.png")} == drawn
    # Training takes the manifest that came with it, and the demonstration finds the smears.
    assert manifest_of(into).content == (into / MANIFEST_NAME).read_bytes()
    monkeypatch.setattr(local_fields, "ROOT", root)
    monkeypatch.delenv("LEUKOLENS_DATA", raising=False)
    shown = [field.known_as for field in local_fields.demonstration_fields() if field.kind == "real"]
    assert shown == ["Benign", "Benign", "Early", "Early", "Pre", "Pre", "Pro", "Pro"]
    assert main(["fetch", "--into", str(into)]) == 0
    assert "has the set already" in capsys.readouterr().err
    assert kaggle == [HANDLE]


def test_what_is_wrong_with_the_set_is_told_at_once_and_nothing_is_left(
    kaggle: list[str], archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    original = archive / "Original"
    broken, moved = sorted((original / "Pre").iterdir())[:2]
    broken.write_bytes(broken.read_bytes()[:60])
    shutil.copy(moved, original / "Pro" / "another.png")
    assert main(["fetch", "--into", str(tmp_path / "data" / "all_smears")]) == 2
    told = capsys.readouterr().err
    assert "2 problems" in told
    assert broken.name in told
    assert "the same image under two labels" in told
    assert not list((tmp_path / "data").rglob("*.png"))


def test_a_folder_of_something_else_is_left_alone(
    kaggle: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.png").touch()
    assert main(["fetch", "--into", str(tmp_path)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert (tmp_path / "mine.png").exists()


def test_without_a_network_the_way_by_hand_is_told(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unreachable(handle: str) -> str:
        raise requests.ConnectionError("no route to www.kaggle.com")

    monkeypatch.setattr(kagglehub, "dataset_download", unreachable)
    into = tmp_path / "data" / "all_smears"
    assert main(["fetch", "--into", str(into)]) == 1
    told = capsys.readouterr().err
    assert "no route to www.kaggle.com" in told
    assert "fetch --source FILE.zip" in told
    zipped = shutil.make_archive(str(tmp_path / "archive"), "zip", archive)
    assert main(["fetch", "--into", str(into), "--source", zipped]) == 0
    assert len(list(into.rglob("*.png"))) == 24


def test_fetching_needs_neither_tensorflow_nor_the_rest_of_training() -> None:
    """The group `data` is small: a newcomer who wants to see real smears waits for no 2.5 GB."""
    program = (
        "import sys\n"
        "import training.cli, training.data.fetch\n"
        "wrong = {'boto3', 'keras', 'mlflow', 'rich', 'sagemaker', 'sklearn', 'tensorflow'} & set(sys.modules)\n"
        "sys.exit(' '.join(sorted(wrong)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
