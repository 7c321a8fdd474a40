"""The table of docs/security.md names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_test_that_the_table_names_exists():
    files = list((ROOT / "tests").rglob("test_*.py"))
    names, source = {path.name for path in files}, "".join(path.read_text() for path in files)
    named = set(re.findall(r"\btest_\w+(?:\.py)?", (ROOT / "docs" / "security.md").read_text()))
    assert len(named) > 20
    for name in named:
        assert name in names or f"def {name}(" in source, name
