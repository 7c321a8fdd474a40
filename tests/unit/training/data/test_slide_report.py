import argparse
from pathlib import Path

import pytest
from PIL import Image

from training.data import slide_report
from training.data.labels import DataError
from training.data.slide_report import BEGIN, END, put_between_marks
from training.data.slides import slides_of
from training.data.validation import manifest_of


def run(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    slide_report.add_parser(parser.add_subparsers(required=True))
    options = parser.parse_args(["slides", *map(str, arguments)])
    return int(options.run(options))


def test_the_command_writes_a_sheet_a_slide_and_the_report(
    drawn_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # caches go to runs/ there
    docs = tmp_path / "slides.md"
    docs.write_text(f"before\n{BEGIN}\nlast report\n{END}\nafter\n")
    assert run(drawn_set, "--sheets", tmp_path / "sheets", "--docs", docs) == 0
    manifest = manifest_of(drawn_set, tmp_path / "runs" / "manifests")
    slides = set(slides_of(drawn_set, manifest, tmp_path / "runs" / "slides").values())
    sheets = sorted((tmp_path / "sheets").iterdir())
    assert {sheet.stem for sheet in sheets} == slides
    with Image.open(sheets[0]) as sheet:
        assert sheet.width == 12 * 96
    text = docs.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "last report" not in text
    assert f"24 images, manifest `{manifest.digest[:16]}`: {len(slides)} inferred slides." in text
    assert "| Early | 6 |" in text
    assert "No two fields share cells." in text
    assert "contact sheets in" in capsys.readouterr().out


def test_slides_are_kept_and_belong_to_their_manifest(drawn_set: Path, tmp_path: Path) -> None:
    manifest = manifest_of(drawn_set, tmp_path / "manifests", progress=False)
    first = slides_of(drawn_set, manifest, tmp_path / "slides", progress=False)
    assert set(first) == {record.key for record in manifest.records}
    assert slides_of(tmp_path / "gone", manifest, tmp_path / "slides", progress=False) == first
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"lacks 24 images of its manifest, such as Benign/.*: pull them again"):
        slides_of(tmp_path / "empty", manifest, tmp_path / "others", progress=False)


def test_a_document_without_marks_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("text")
    with pytest.raises(DataError, match="lacks the lines"):
        put_between_marks(tmp_path / "other.md", "report")
    assert (tmp_path / "other.md").read_text() == "text"


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "absent") == 2
    assert "give a folder" in capsys.readouterr().err
