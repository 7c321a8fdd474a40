from pathlib import Path

import pytest

from training.data.classes import ClassesError, class_called, read_classes

PUBLIC = read_classes()


def test_the_public_sets_file_says_what_each_class_is() -> None:
    assert [one.triage for one in PUBLIC] == ["benign", "malignant", "malignant", "malignant"]
    assert [one.name for one in PUBLIC] == ["benign", "early pre-B", "pre-B", "pro-B"]
    assert all(one.description and one.colour for one in PUBLIC)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("[Malignant] Pre-B", "Pre"),
        ("[Malignant] early Pre-B", "Early"),
        ("[Malignant] Pro-B", "Pro"),
        ("WBC-Malignant-Pre", "Pre"),
        ("Early Pre-B", "Early"),
        ("EARLY", "Early"),
        ("benign", "Benign"),
        (" [malignant] PRO-b ", "Pro"),
    ],
)
def test_a_folder_is_known_by_any_name_of_its_class(name: str, label: str) -> None:
    found = class_called(PUBLIC, name)
    assert found is not None
    assert found.id == label


def test_a_folder_of_another_name_is_of_no_class() -> None:
    assert class_called(PUBLIC, "Segmented") is None


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "classes"),
        ("classes = 3", "classes"),
        ('[[classes]]\nid = "A/B"\nname = "a"\n[[classes]]\nid = "C"\nname = "c"', r"classes\.0\.id"),
        ('[[classes]]\nid = "A"\nname = "a"\n[[classes]]\nid = "a"\nname = "c"', "may appear once"),
        ('[[classes]]\nid = "A"\nname = "a"\ncolor = "red"\n[[classes]]\nid = "B"\nname = "b"', r"classes\.0\.color"),
        ("[[classes", "classes.toml"),
        ("\n".join(f'[[classes]]\nid = "c{n}"\nname = "n{n}"' for n in range(51)), "classes"),
        (None, "classes.toml"),
    ],
)
def test_a_list_that_is_none_is_refused_by_name(tmp_path: Path, content: str | None, complaint: str) -> None:
    path = tmp_path / "classes.toml"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(ClassesError, match=complaint) as caught:
        read_classes(path)
    assert "\n" not in str(caught.value)
