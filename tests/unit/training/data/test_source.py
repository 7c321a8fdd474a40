import zipfile
from pathlib import Path

import numpy as np
import pytest

from training.data.labels import DataError
from training.data.source import Source, SourceImage, arrange


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


def test_a_name_that_not_every_place_can_have_is_a_problem_of_its_own() -> None:
    listing = arrange(["Pre/a\\b-1.png", "Pre/line\nbreak-2.png", "Pre/caf\udce9-3.png", "Pre/Größe\u202f(+%) 4.png"])
    assert [image.key for image in listing.images] == ["Pre/Größe\u202f(+%) 4.png"]
    text = "\n".join(listing.problems)
    assert text.count("rename the file") == len(listing.problems) == 3
    assert "line\\nbreak-2.png" in text
    assert "caf\\udce9-3.png" in text


def test_class_folders_may_be_links_also_one_that_leads_back(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "a-1.png").write_bytes(b"")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "Pre").symlink_to(tmp_path / "disk")
    (tmp_path / "set" / "again").symlink_to(tmp_path / "set")
    with Source(tmp_path / "set") as source:
        assert [image.key for image in source.listing().images] == ["Pre/a-1.png"]


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


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_member_is_an_error_of_that_image(method: int, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w", method) as archive:
        archive.writestr("Pre/a-1.jpg", np.random.default_rng(0).bytes(5000))
    damaged = bytearray((tmp_path / "set.zip").read_bytes())
    damaged[50:2000] = b"\xff" * 1950  # behind the header of 41 bytes: the data, and what a method has before it
    (tmp_path / "set.zip").write_bytes(damaged)
    with Source(tmp_path / "set.zip") as source, pytest.raises(OSError, match="damaged"):
        source.read(source.listing().images[0])
