"""What is deployed, line by line: dev whole, and of the others what differs from it, so that a change shows in review.

``make snapshots`` writes them anew.
"""

import json
import os
import re
from pathlib import Path

import pytest

from infra.environments import NAMES

SNAPSHOTS = Path(__file__).parent / "snapshots"
WHOLE = "dev"
UPDATE = os.environ.get("LEUKOLENS_UPDATE_SNAPSHOTS") == "1"
# Images are named by the hash of what they are built from; that changes with every line of code.
_HASH = re.compile(r"\b[0-9a-f]{64}\b")
_VERSION = re.compile(r"(CurrentVersion[0-9A-F]{8})[0-9a-f]{32}")
_NAME = re.compile(rf"(leukolens[-/]?)({'|'.join(NAMES)})(?![a-z])", re.IGNORECASE)


def _readable(template):
    text = json.dumps(template, indent=1, sort_keys=True)
    return _VERSION.sub(r"\1VERSION", _HASH.sub("HASH", text)) + "\n"


def _values(value, path=""):
    """Give every value of a template by its path."""
    nested = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if not nested:
        yield path, value
        return
    for key, one in nested:
        yield from _values(one, f"{path}/{key}")


def _nameless(template):
    """Give a template's values by path, with the environment's own name out of both."""
    return dict(_values(json.loads(_NAME.sub(r"\1ENV", _readable(template)))))


def _differences(template, whole):
    """Give what an environment has instead of dev's; ``None`` where it has nothing."""
    here, there = _nameless(template), _nameless(whole)
    return {path: here.get(path) for path in sorted({*here, *there}) if here.get(path, ...) != there.get(path, ...)}


def test_dev_is_as_reviewed(dev):
    found = {capability: _readable(template.raw) for capability, template in dev.items()}
    folder = SNAPSHOTS / WHOLE
    if UPDATE:
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*.json"):
            path.unlink()
        for capability, text in found.items():
            (folder / f"{capability}.json").write_text(text)
    assert {path.stem for path in folder.glob("*.json")} == set(found)
    for capability, text in found.items():
        assert text == (folder / f"{capability}.json").read_text(), f"dev {capability}: if meant, make snapshots"


@pytest.mark.parametrize("name", [name for name in NAMES if name != WHOLE])
def test_the_others_differ_from_dev_as_reviewed(synthesise, dev, name):
    templates = synthesise(name)
    found = {
        "absent": sorted(set(dev) - set(templates)),
        **{capability: _differences(one.raw, dev[capability].raw) for capability, one in templates.items()},
    }
    text, path = json.dumps(found, indent=1, sort_keys=True) + "\n", SNAPSHOTS / f"{name}.json"
    if UPDATE:
        path.write_text(text)
    assert text == path.read_text(), f"{name}: if meant, make snapshots"
