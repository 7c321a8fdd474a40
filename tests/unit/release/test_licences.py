from pathlib import Path

import pytest

from release import licences
from release.licences import UnknownLicenceError, all_objections, allowed, licence, objections
from release.locks import IMAGE, IMAGE_LOCKS, locked


def package(folder: Path, name: str, *fields: str) -> None:
    """Put a package's metadata into a folder, as an installer leaves it."""
    place = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    place.mkdir()
    (place / "METADATA").write_text("\n".join(["Metadata-Version: 2.4", f"Name: {name}", "Version: 1.0", *fields, ""]))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("fields", "expression"),
    [
        (["License-Expression: MIT OR Apache-2.0"], "MIT OR Apache-2.0"),
        (["License: BSD-3-Clause", "Classifier: License :: OSI Approved :: BSD License"], "BSD-3-Clause"),
        (["License: UNKNOWN", "Classifier: License :: OSI Approved :: MIT License"], "MIT"),
        (
            [
                "Classifier: License :: OSI Approved :: MIT License",
                "Classifier: License :: OSI Approved :: BSD License",
            ],
            "LicenseRef-BSD AND MIT",
        ),
        (["License: GPL-3.0-only"], "GPL-3.0-only"),
    ],
)
def test_metadata_is_read_as_spdx(site: Path, fields: list[str], expression: str):
    package(site, "made-up", *fields)
    assert licence("made-up") == expression


@pytest.mark.parametrize("fields", [[], ["License: do what you like"], ["Classifier: License :: OSI Approved"]])
def test_a_package_that_says_nothing_known_is_an_objection(site: Path, fields: list[str]):
    package(site, "made-up", *fields)
    with pytest.raises(UnknownLicenceError, match="made-up says neither"):
        licence("made-up")


@pytest.mark.parametrize(
    ("expression", "well"),
    [
        ("MIT", True),
        ("MIT OR GPL-3.0-only", True),
        ("MIT AND GPL-3.0-only", False),
        ("MIT AND (Zlib OR Apache-2.0)", True),
    ],
)
def test_one_of_or_and_all_of_and(expression: str, well: bool):
    assert allowed(expression, {"MIT", "Zlib"}) is well


def test_a_licence_that_is_not_allowed_is_named_with_its_package(site: Path, monkeypatch: pytest.MonkeyPatch):
    package(site, "made-up", "License-Expression: GPL-3.0-only")
    lock = site / "requirements.txt"
    lock.write_text(
        "made-up==1.0 \\\n    --hash=sha256:00\nnot-here==2.0 ; sys_platform == 'win32' \\\n    --hash=sha256:00\n"
    )
    monkeypatch.setattr(licences, "ROOT", site)
    assert list(objections(lock, {"MIT"}, IMAGE)) == ["made-up 1.0: GPL-3.0-only is not allowed in requirements.txt"]


def test_every_dependency_is_allowed():
    assert len(locked(IMAGE_LOCKS["lambda"], IMAGE)) > 20
    assert all_objections() == []
