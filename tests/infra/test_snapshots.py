"""One snapshot a stack and environment: a change of what is deployed shows in review, line by line.

``make snapshots`` writes them anew.
"""

import json
import os
import re
from pathlib import Path

import pytest

from infra.environments import NAMES

SNAPSHOTS = Path(__file__).parent / "snapshots"
# Images are named by the hash of what they are built from; that changes with every line of code.
_HASH = re.compile(r"\b[0-9a-f]{64}\b")
_VERSION = re.compile(r"(CurrentVersion[0-9A-F]{8})[0-9a-f]{32}")


def _readable(template):
    text = json.dumps(template, indent=1, sort_keys=True)
    return _VERSION.sub(r"\1VERSION", _HASH.sub("HASH", text)) + "\n"


@pytest.mark.parametrize("name", NAMES)
def test_stacks_are_as_reviewed(synthesise, name):
    found = {capability: _readable(template.raw) for capability, template in synthesise(name).items()}
    folder = SNAPSHOTS / name
    if os.environ.get("LEUKOLENS_UPDATE_SNAPSHOTS") == "1":
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*.json"):
            path.unlink()
        for capability, text in found.items():
            (folder / f"{capability}.json").write_text(text)
    assert {path.stem for path in folder.glob("*.json")} == set(found)
    for capability, text in found.items():
        assert text == (folder / f"{capability}.json").read_text(), f"{name} {capability}: if meant, make snapshots"
