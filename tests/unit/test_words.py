"""Which classes there are, the model's card says: no code outside the public set's own file knows them."""

import re
from pathlib import Path

import pytest

from training.data.classes import PUBLIC, read_classes

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("lambda", "client", "local", "benchmarks", "release", "training", "frontend", "infra", "terminal")
_SUFFIXES = {".py", ".toml", ".js", ".css", ".html"}

# An id in its own spelling, as a label is written; "pre" and "pro" within other words are not meant, nor is the side
# that triage tells, which every model with triage has.
SIDES = {"malignant", "benign"}
LABELS = re.compile(rf"\b({'|'.join(one.id for one in read_classes(PUBLIC) if one.id.casefold() not in SIDES)})\b")


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_code_knows_the_public_sets_labels(folder: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()[:100]}"
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in _SUFFIXES and path != PUBLIC
        for line in path.read_text("utf-8").splitlines()
        if LABELS.search(line)
    ]
    assert not found, "read the labels from the model's card:\n" + "\n".join(found)


def test_the_search_would_find_them() -> None:
    assert LABELS.search('LABELS = ("Benign", "Early")')
    assert not LABELS.search("the early pre-B pattern of a process")
