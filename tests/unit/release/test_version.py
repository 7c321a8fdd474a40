"""One place says the version; what else tells of it agrees."""

import re
from pathlib import Path

from release.cli import main
from release.version import released, version

ROOT = Path(__file__).resolve().parents[3]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()


def test_the_newest_release_of_the_changelog_is_this_version():
    releases = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", CHANGELOG, re.MULTILINE)
    assert releases[0] == version()
    assert len(releases) == len(set(releases))
    assert released().tzinfo is not None


def test_the_changelog_has_known_sections_only():
    sections = set(re.findall(r"^### (.+)$", CHANGELOG, re.MULTILINE))
    assert sections <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert CHANGELOG.index("## [Unreleased]") < CHANGELOG.index(f"## [{version()}]")


def test_no_other_file_says_the_version():
    said = re.compile(rf"""version["']?\s*[:=]\s*["']?{re.escape(version())}\b""")
    files = [*ROOT.glob("*.toml"), *ROOT.glob("*.json"), *ROOT.glob("*.yml")]
    for folder in ("client", "frontend", "infra", "lambda", "local", "release", "terminal", "training"):
        files += (ROOT / folder).rglob("*.py")
    places = [path.relative_to(ROOT).as_posix() for path in files if said.search(path.read_text())]
    assert [place for place in places if place != "package-lock.json"] == ["pyproject.toml"]


def test_the_notes_of_a_release_are_its_section_alone(capsys):
    assert main(["version"]) == 0
    assert capsys.readouterr().out == f"{version()}\n"
    assert main(["notes"]) == 0
    notes = capsys.readouterr().out
    assert notes.startswith("### ")
    assert notes.strip() in CHANGELOG
    assert "## [" not in notes
