import zipfile
from pathlib import Path

import pytest

from training.fields import DataError
from training.source import Source, SourceImage, arrange


def test_original_counts_and_its_segmented_copy_does_not() -> None:
    listing = arrange(["Original/Pre/a-1.jpg", "Segmented/Pre/a-1.jpg", "Original/Benign/b-1.jpg"])
    assert [image.key for image in listing.images] == ["Benign/b-1.jpg", "Pre/a-1.jpg"]
    assert listing.problems == []
    assert "1 file left aside as segmented copies: Segmented/Pre/a-1.jpg" in listing.notes


def test_class_folders_at_the_top_or_deep_and_in_any_case() -> None:
    listing = arrange(["pro/x-1.PNG", "some/where/EARLY/y-2.tiff"])
    assert listing.images == [
        SourceImage("pro/x-1.PNG", "Pro/x-1.PNG", "Pro"),
        SourceImage("some/where/EARLY/y-2.tiff", "Early/y-2.tiff", "Early"),
    ]


def test_every_problem_is_named_at_once() -> None:
    listing = arrange(["Normal/n-1.jpg", "Normal/n-2.jpg", "loose.jpg", "a/Pre/x.jpg", "b/Pre/x.jpg"])
    text = "\n".join(listing.problems)
    assert "2 images in 'Normal', which is no class folder" in text
    assert "loose.jpg" in text
    assert "stored as Pre/x.jpg: a/Pre/x.jpg, b/Pre/x.jpg" in text


def test_hidden_files_are_nothing_and_other_files_a_note() -> None:
    listing = arrange(["Pre/a-1.jpg", "Pre/.DS_Store", "__MACOSX/Pre/._a-1.jpg", "Pre/readme.txt"])
    assert len(listing.images) == 1
    assert listing.problems == []
    assert listing.notes == ["1 file left aside, not named as images: Pre/readme.txt"]


def test_only_segmented_is_no_source() -> None:
    assert "no image in a folder named" in arrange(["Segmented/Pre/a.jpg"]).problems[0]


def test_a_missing_folder_and_a_file_that_is_no_archive_say_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="give a folder or a zip file"):
        Source(tmp_path / "absent")
    (tmp_path / "set.zip").write_bytes(b"PK but not really")
    with pytest.raises(DataError, match="download it again"):
        Source(tmp_path / "set.zip")


def test_a_damaged_member_is_an_error_of_that_image(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("Pre/a-1.jpg", b"A" * 5000)
    damaged = (tmp_path / "set.zip").read_bytes().replace(b"A" * 5000, b"A" * 4999 + b"B")
    (tmp_path / "set.zip").write_bytes(damaged)
    with Source(tmp_path / "set.zip") as source, pytest.raises(OSError, match="damaged"):
        source.read(source.listing().images[0])
