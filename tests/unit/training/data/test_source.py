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
    listing = arrange(["Normal/n-1.jpg", "Normal/n-2.jpg", "loose.jpg", "a/Pre/x.jpg", "b/Pre/x.jpg", "Pro/y.jpg"])
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


def test_a_laboratorys_own_folders_are_its_classes_and_a_folder_within_is_a_group() -> None:
    listing = arrange(["blast/Patient 7/a.png", "mature cells/Patient 7/a.png", "blast/Patient 8/a.png", "blast/b.png"])
    assert [(one.label, one.key, one.group) for one in listing.images] == [
        ("blast", "blast/Patient 7/a.png", "Patient 7"),
        ("blast", "blast/Patient 8/a.png", "Patient 8"),
        ("blast", "blast/b.png", None),
        ("mature-cells", "mature-cells/Patient 7/a.png", "Patient 7"),
    ]
    assert [(one.id, one.name, one.triage) for one in listing.classes] == [
        ("blast", "blast", None),
        ("mature-cells", "mature cells", None),
    ]
    assert listing.problems == []


def test_a_folder_called_benign_alone_makes_no_copy_of_the_public_set() -> None:
    listing = arrange(["benign/1.png", "reactive/1.png"])
    assert [(one.id, one.triage) for one in listing.classes] == [("benign", None), ("reactive", None)]


def test_a_copy_of_the_public_set_under_other_names_is_known() -> None:
    listing = arrange(["[Malignant] Pre-B/1.jpg", "[Malignant] early Pre-B/1.jpg", "benign/2.jpg"])
    assert [one.key for one in listing.images] == ["Pre/1.jpg", "Early/1.jpg", "Benign/2.jpg"]
    assert [one.triage for one in listing.classes] == ["benign", "malignant", "malignant"]


def test_classes_toml_gives_order_and_sides_and_must_be_whole(tmp_path: Path) -> None:
    text = '[[classes]]\nid = "Z"\nname = "zebra"\ntriage = "malignant"\n[[classes]]\nid = "A"\nname = "ant"\n'
    for name in ("zebra", "A"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(b"")
    (tmp_path / "classes.toml").write_text(text)
    with Source(tmp_path) as source:
        listing = source.listing()
    assert [(one.id, one.triage) for one in listing.classes] == [("Z", "malignant"), ("A", None)]
    assert (listing.problems, listing.notes) == ([], [])
    (tmp_path / "A" / "1.png").unlink()
    with Source(tmp_path) as source:
        assert source.listing().problems == [
            "classes.toml names A, and no folder of that name or alias holds an image: add it or strike it out"
        ]
    (tmp_path / "classes.toml").write_text("classes = 3")
    with Source(tmp_path) as source, pytest.raises(DataError, match=r"classes\.toml: classes"):
        source.listing()


@pytest.mark.parametrize("name", ["\N{MICROSCOPE}", "x" * 200, "\u0637\u0628\u064a\u0639\u064a", "...", "caf\u00e9"])
def test_a_folder_whose_name_is_no_label_is_told_what_to_do(name: str) -> None:
    listing = arrange([f"{name}/1.png", "other/1.png"] if name != "..." else ["(-)/1.png", "other/1.png"])
    (problem,) = listing.problems
    assert "list it in classes.toml with an id" in problem
    assert "\n" not in problem


def test_fifty_one_classes_and_two_of_one_label_are_too_many() -> None:
    assert (
        "51 class folders, where a model tells at most 50 apart"
        in arrange([f"class{k}/1.png" for k in range(51)]).problems[0]
    )
    assert "would be one label" in arrange(["a b/1.png", "a-b/1.png"]).problems[0]


def test_hidden_files_are_nothing_and_other_files_a_note() -> None:
    listing = arrange(["Pre/a-1.jpg", "Pre/.DS_Store", "__MACOSX/Pre/._a-1.jpg", "Pre/readme.txt"])
    assert len(listing.images) == 1
    assert listing.problems == []
    assert listing.notes == ["1 file left aside, not named as images: Pre/readme.txt"]


def test_only_segmented_is_no_source() -> None:
    assert "no image in a class folder" in arrange(["Segmented/Pre/a.jpg"]).problems[0]


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
