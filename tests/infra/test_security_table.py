"""The table of docs/security.md names tests that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_test_that_the_table_names_exists():
    sources = {path.name: path.read_text() for path in (ROOT / "tests").rglob("test_*.py")}
    named = set(re.findall(r"\btest_\w+(?:\.py)?", (ROOT / "docs" / "security.md").read_text()))
    assert len(named) > 20
    for name in named:
        found = name in sources if name.endswith(".py") else any(f"def {name}(" in text for text in sources.values())
        assert found, name
