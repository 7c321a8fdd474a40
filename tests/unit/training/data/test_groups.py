"""Which images belong together: told by a file, a folder or a pattern, else found out, else said not to be known."""

from pathlib import Path

import pytest

from training.data.groups import INFERRED_WARNING, ONE_WARNING, RANDOM_WARNING, RUNS_WARNING, Groups, groups_of
from training.data.labels import DataError
from training.data.source import Listing, arrange


def listing(*names: str) -> Listing:
    return arrange(names)


def never() -> dict[str, str]:
    raise AssertionError("slides were inferred although groups are told")


def test_a_file_tells_patients_by_path_or_by_bare_name(tmp_path: Path) -> None:
    (tmp_path / "groups.csv").write_text(
        "\ufefffile,slide,patient\na/1.png,s1,P1\na/2.png,s2,P2\nx.png,s3,P1\ny.png,s4,P2\n"
    )
    found = groups_of(tmp_path, listing("a/1.png", "a/2.png", "b/x.png", "b/y.png"), never)
    assert found == Groups({"a/1.png": "P1", "a/2.png": "P2", "b/x.png": "P1", "b/y.png": "P2"}, "patient", None)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("file,patient\na/1.png,P1\n", r"names no patient for 3 of 4 images, such as a/2\.png"),
        ("file,patient\na/1.png,P1\na/2.png,\nb/x.png,P1\nb/y.png,P2\n", r"names no patient for 1 of 4"),
        ("name,patient\na/1.png,P1\n", "needs a column file and one of patient, specimen, slide"),
        ("", "needs a column file"),
        ("file,patient\na/1.png,P1\na/2.png,P1\nb/x.png,P1\nb/y.png,P2\n", "every image of a is of one patient, P1"),
    ],
)
def test_a_file_that_does_not_fit_is_told_in_a_line(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "groups.csv").write_text(text)
    with pytest.raises(DataError, match=complaint) as caught:
        groups_of(tmp_path, listing("a/1.png", "a/2.png", "b/x.png", "b/y.png"), never)
    assert "\n" not in str(caught.value)


def test_one_specimen_of_the_page_is_learnt_from_with_a_warning(tmp_path: Path) -> None:
    """What was labelled in one sitting: nothing can be left out but single images, and the headline says so."""
    names = ("a/1.png", "a/2.png", "b/x.png", "b/y.png")
    (tmp_path / "groups.csv").write_text("file,specimen\n" + "".join(f"{name},case 7\n" for name in names))
    found = groups_of(tmp_path, listing(*names), never)
    assert found == Groups({name: name for name in names}, "image", ONE_WARNING)
    assert not found.told


def test_a_folder_level_tells_groups(tmp_path: Path) -> None:
    found = groups_of(tmp_path, listing("a/P1/1.png", "a/P2/1.png", "b/P1/1.png", "b/P2/2.png"), never)
    assert (found.kind, found.names["b/P1/1.png"], found.told) == ("folder", "P1", True)
    with pytest.raises(DataError, match=r"1 images, such as b/2\.png, lie beside"):
        groups_of(tmp_path, listing("a/P1/1.png", "a/P2/1.png", "b/P1/1.png", "b/2.png"), never)


def test_a_pattern_tells_groups(tmp_path: Path) -> None:
    names = ("a/K1_x.png", "a/K2_y.png", "b/K1_z.png", "b/K2_u.png")
    assert groups_of(tmp_path, listing(*names), never, r"^(K\d)_").names["b/K2_u.png"] == "K2"
    with pytest.raises(DataError, match="finds no group in 4 of 4 file names"):
        groups_of(tmp_path, listing(*names), never, "^Q")
    with pytest.raises(DataError, match="is no regular expression"):
        groups_of(tmp_path, listing(*names), never, "(")


NUMBERED = tuple(f"{label}/{number}.png" for label in "ab" for number in range(10))


def test_numbered_files_have_slides_inferred_else_runs(tmp_path: Path) -> None:
    thirds = {name: f"{name[0]}-{int(name[2]) // 4}" for name in NUMBERED}
    found = groups_of(tmp_path, listing(*NUMBERED), lambda: thirds)
    assert (found.kind, found.warning) == ("inferred slide", INFERRED_WARNING)
    found = groups_of(
        tmp_path, listing(*NUMBERED), lambda: {name: f"{name[0]}-{int(name[2]) // 5}" for name in NUMBERED}
    )
    assert (found.kind, found.warning) == ("run of numbers", RUNS_WARNING)
    assert found.names["a/0.png"] == found.names["a/1.png"] != found.names["a/2.png"]


@pytest.mark.parametrize(
    "names", [("a/x.png", "a/y.png", "b/z.png"), ("a/1_0.png", "a/2_0.png", "b/3_1.png", "b/4_1.png")]
)
def test_files_without_numbers_of_their_own_are_said_to_flatter(tmp_path: Path, names: tuple[str, ...]) -> None:
    found = groups_of(tmp_path, listing(*names), never)
    assert (found.kind, found.warning, len(set(found.names.values()))) == ("image", RANDOM_WARNING, len(names))
