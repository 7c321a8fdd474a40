"""``make train`` takes the folders that lie beside the fields, as they lie there."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from training.cli import main
from training.data.synthetic import write_dataset
from training.experiment import _ood_sets

ROOT = Path(__file__).resolve().parents[3]


def test_its_own_options_are_accepted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    laboratory = tmp_path / "our laboratory"
    data = laboratory / "all_smears"
    write_dataset(data, per_class=10, seed=11, size=96, fields_per_slide=5)
    (picture, *_) = sorted(data.rglob("*.png"))
    beside = (
        laboratory / "bccd",
        laboratory / "other_labs" / "txl_first" / "blast",
        laboratory / "other_labs" / "txl_second",
    )
    for folder in beside:  # one level deep and two, as laboratories hand them on
        folder.mkdir(parents=True)
        shutil.copy(picture, folder)
    told = subprocess.run(
        ["make", "--dry-run", "train", f"DATA={data}"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    (command,) = [line for line in told.stdout.replace("\\\n", " ").splitlines() if "training train" in line]
    options = shlex.split(command.split("-m training ")[1])
    assert {Path(one).name for one in options} >= {"all_smears", "bccd", "txl_first", "txl_second", "--frozen"}
    assert main([*options, "--output", str(tmp_path / "model"), "--dry-run"]) == 0
    assert "Benign 10, Early 10, Pre 10, Pro 10" in capsys.readouterr().out


def test_external_pictures_are_measured_though_they_lie_a_folder_deeper(drawn_set: Path, tmp_path: Path) -> None:
    shutil.copytree(drawn_set, tmp_path / "other" / "slides")
    assert {name: len(images) for name, images in _ood_sets([tmp_path / "other"])}["other"] == 24
