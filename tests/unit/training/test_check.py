"""What a folder is good for, told before anything is trained."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.cli import main


def write(path: Path, colour: tuple[int, int, int], seed: int, size: int = 80) -> None:
    noise = np.random.default_rng(seed).integers(-25, 26, (size, size, 3))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)).save(path)


@pytest.fixture
def two_colours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write two classes that colour alone tells apart, three patients in each."""
    monkeypatch.chdir(tmp_path)
    for number, (label, colour) in enumerate({"red": (220, 60, 60), "blue": (60, 60, 220)}.items()):
        for place in range(12):
            write(tmp_path / "set" / label / f"P{place % 3}" / f"{place}.png", colour, 100 * number + place)
    return tmp_path / "set"


def found(capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[str, str]]:
    return {row["about"]: (row["found"], row["advice"]) for row in json.loads(capsys.readouterr().out)}


def test_a_usable_folder_is_counted_and_its_shortcuts_are_told(
    two_colours: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(two_colours), "--format", "json", "--page", "page.html"]) == 0
    told = found(capsys)
    assert told["class red"] == (
        "12 images in 3 groups",
        "collect 38 more images and images of 2 more patients or slides",
    )
    assert told["size"] == ("24 of 24 are 80 x 80 pixels", "")
    assert told["protocol"] == ("3 groups: whole groups (folder) are left out", "")
    assert told["shortcut mean colour"][0].startswith("balanced accuracy 1.00")
    assert "mix slides, days and stains" in told["shortcut mean colour"][1]
    page = Path("page.html").read_text()
    assert page.count("<img src=") == 24
    assert "<script" not in page


def test_all_that_is_wrong_is_told_at_once(two_colours: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (two_colours / "red" / "P0" / "broken.png").write_bytes(b"no image")
    for place in range(9):
        write(two_colours / "few" / "P1" / f"f{place}.png", (60, 200, 60), 300 + place, size=80 + 60 * (place == 0))
    assert main(["check", str(two_colours), "--format", "json"]) == 2
    rows = [(row["about"], row["found"]) for row in json.loads(capsys.readouterr().out)]
    problems = [told for about, told in rows if about == "problem"]
    assert any("unreadable image: red/P0/broken.png" in one for one in problems)
    assert any("few has 9 images, and 10 of a class are needed" in one for one in problems)
    assert any("every image of few is of one folder, P1" in one for one in problems)


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path / "absent")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
