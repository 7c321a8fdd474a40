import hashlib
import json
import re
from pathlib import Path

import pytest

from frontend.workplace import assets
from frontend.workplace.words import words

ROOT = Path(__file__).resolve().parents[4]
VENDORED = {
    "openseadragon.min.js": ("openseadragon", "build/openseadragon/openseadragon.min.js"),
    "fflate.js": ("fflate", "umd/index.js"),
}
OURS = [name for name in assets.FILES if name.endswith(".js") and name not in VENDORED]


@pytest.mark.parametrize("name", VENDORED)
def test_what_others_wrote_is_the_published_file(name: str):
    """The lock names the version; its own file in node_modules, where Node's tools are set up, is the same."""
    package, path = VENDORED[name]
    lock = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert f"node_modules/{package}" in lock
    assert (assets.STATIC / f"{package}.LICENSE.txt").exists()
    published = ROOT / "node_modules" / package / path
    if published.exists():
        assert hashlib.sha256(assets.FILES[name]).digest() == hashlib.sha256(published.read_bytes()).digest()


def test_every_word_that_the_scripts_say_is_there_and_none_is_for_nothing():
    source = "".join(assets.FILES[name].decode() for name in OURS)
    known = words()
    said = set(re.findall(r'say\("(\w+)"', source)) | set(re.findall(r'button\("(\w+)"', source))
    assert said <= known.keys()
    quoted = set(re.findall(r'"(\w+)"', source)) | {f"n_{name}" for name in re.findall(r'"(\w+)"', source)}
    quoted |= {f"{name}_means" for name in quoted}
    assert known.keys() <= quoted


def test_the_scripts_import_only_what_is_there():
    for name in OURS:
        for imported in re.findall(r'from "\./([\w.]+)"', assets.FILES[name].decode()):
            assert imported in assets.FILES
