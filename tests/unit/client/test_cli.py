"""The command line against the service itself."""

import csv
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from client.cli import main

from .scripted import Reply, Scripted


@pytest.fixture
def slide(tmp_path: Path, sample: Path) -> Path:
    """Give a folder with two images, one of them deeper, and a file that is none."""
    folder = tmp_path / "slide"
    (folder / "deep").mkdir(parents=True)
    shutil.copy(sample, folder / "a.png")
    shutil.copy(sample, folder / "deep" / "a.png")
    (folder / "notes.txt").write_text("not an image")
    return folder


def test_a_folder_is_classified_into_a_table(service: str, slide: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["predict", str(slide), "--url", service]) == 0
    printed = capsys.readouterr()
    assert printed.out.count(".png") == 2
    assert "Research use only" in printed.err


def test_json_holds_each_answer_whole(service: str, slide: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["predict", str(slide / "**" / "*.png"), "--url", service, "--format", "json"]) == 0
    entries = json.loads(capsys.readouterr().out)
    assert [Path(entry["file"]).relative_to(slide) for entry in entries] == [Path("a.png"), Path("deep/a.png")]
    assert all(entry["answer"]["warning"].startswith("Research use only") for entry in entries)


def test_csv_has_a_column_for_every_label(service: str, slide: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["predict", str(slide), "--url", service, "--format", "csv"]) == 0
    lines = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(lines) == 2
    for line in lines:
        shares = [float(line[f"probability_{label}"]) for label in ("Benign", "Early", "Pre", "Pro")]
        assert max(shares) == float(line["probability"])
    assert list(lines[0])[:5] == ["file", "triage", "triage_verdict", "triage_probability", "summary"]


def test_the_models_of_a_service_are_listed(service: str, capsys: pytest.CaptureFixture[str]):
    assert main(["models", "--url", service]) == 0
    printed = capsys.readouterr().out
    assert "lenient (default)" in printed
    assert "pro-B" in printed


def test_a_model_that_is_not_there_is_told_for_each_file(service: str, slide: Path, capsys: pytest.CaptureFixture[str]):
    asked = ["predict", str(slide / "a.png"), "--url", service, "--format", "json", "--model", "another"]
    assert main(asked) == 1
    assert "this service has lenient" in capsys.readouterr().out


@pytest.mark.parametrize("size", ["0", "nan", "wide", "1e9"])
def test_a_foolish_pixel_size_is_told_at_once(slide: Path, size: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["predict", str(slide), "--microns-per-pixel", size])
    assert "give a number from 0.01 to 100" in capsys.readouterr().err


def test_a_file_without_an_answer_is_told_among_the_others(
    service: str, slide: Path, capsys: pytest.CaptureFixture[str]
):
    files = [str(slide / "a.png"), str(slide / "notes.txt")]
    assert main(["predict", *files, "--url", service, "--format", "json"]) == 1
    good, bad = json.loads(capsys.readouterr().out)
    assert good["answer"]["prediction"]["label"]
    assert bad["problem"]["status"] == 415


def test_overlays_keep_equal_names_apart(service: str, slide: Path, tmp_path: Path):
    target = tmp_path / "overlays"
    assert main(["predict", str(slide), "--url", service, "--explain", str(target)]) == 0
    written = sorted(path.relative_to(target) for path in target.rglob("*.png"))
    assert written == [Path("a.png.overlay.png"), Path("deep/a.png.overlay.png")]
    with Image.open(target / written[0]) as overlay, Image.open(slide / "a.png") as image:
        assert overlay.size == image.size
        assert overlay.tobytes() != image.convert("RGB").tobytes()


def test_the_models_card_is_printed(service: str, capsys: pytest.CaptureFixture[str]):
    assert main(["model", "--url", service]) == 0
    assert json.loads(capsys.readouterr().out)["labels"] == ["Benign", "Early", "Pre", "Pro"]


@pytest.mark.parametrize("name", ["nowhere", "nowhere/*.png"])
def test_a_name_for_nothing_is_told(service: str, name: str, capsys: pytest.CaptureFixture[str]):
    assert main(["predict", name, "--url", service]) == 2
    assert name in capsys.readouterr().err


def test_no_service_is_told_once(scripted: Callable[..., Scripted], sample: Path, capsys: pytest.CaptureFixture[str]):
    api = scripted(Reply(503, headers={"retry-after": "3600"}))
    assert main(["predict", str(sample.parent), "--url", api.url]) == 3
    assert len(api.seen) == 1
    assert "503" in capsys.readouterr().err


def test_a_wrong_address_is_told(capsys: pytest.CaptureFixture[str]):
    assert main(["model", "--url", "nonsense"]) == 2
    assert "nonsense" in capsys.readouterr().err
