"""The table of docs/security.md names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_row_names_a_test_that_shows_it():
    page = (ROOT / "docs" / "security.md").read_text()
    table = page[page.index("| Threat |") :].partition("\n\n")[0].splitlines()
    rows = [line.strip("|").split(" | ") for line in table[2:]]
    assert len(rows) > 35
    for threat, holds, shown in rows:
        assert threat.strip()
        assert holds.strip()
        assert re.search(r"\btest_\w+|\.py\b", shown), threat


def test_every_test_that_the_table_names_exists():
    files = list((ROOT / "tests").rglob("test_*.py"))
    names, source = {path.name for path in files}, "".join(path.read_text() for path in files)
    named = set(re.findall(r"\btest_\w+(?:\.py)?", (ROOT / "docs" / "security.md").read_text()))
    assert len(named) > 20
    for name in named:
        assert name in names or f"def {name}(" in source, name


def test_a_test_that_is_named_with_its_file_is_in_that_file():
    page = (ROOT / "docs" / "security.md").read_text()
    files = list((ROOT / "tests").rglob("test_*.py"))
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", page)
    assert len(named) > 40
    for file, name in named:
        sources = [path.read_text() for path in files if path.as_posix().endswith(f"/{file}")]
        assert any(f"def {name}(" in source for source in sources), f"{file}::{name}"
