"""The whole loop on a laptop: label on the page, download, adapt, serve; the page answers with the new model."""

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from client import LeukolensClient
from inference import read_card
from tests.drawn_cells import draw

from . import servers
from .conftest import expect_large, expect_read, upload

pytestmark = pytest.mark.browser

KINDS, EACH = ("Round cell", "Lobed cell"), 10
LABELS = ["Round-cell", "Lobed-cell"]


def cells(folder: Path, seed: int, count: int) -> list[Path]:
    """Draw so many cells of each kind, one kind after the other."""
    paths = []
    for kind in KINDS:
        for number in range(count):
            paths.append(folder / f"{len(paths):02d}.png")
            draw(kind.split()[0].lower(), seed + number).save(paths[-1])
    return paths


def label(tab: Page, paths: list[Path]) -> None:
    """Label each field by what its name says; the page goes on to the next one without a label by itself."""
    upload(tab, *paths)
    expect_read(tab, len(paths))
    tab.locator(".lk-tile").first.click()
    expect_large(tab)
    for kind in KINDS:
        tab.get_by_label("A class of your own").fill(kind)
        tab.keyboard.press("Enter")
        expect(tab.locator(".lk-pick", has_text=kind)).to_be_visible()
    for number in range(len(paths)):
        picture = tab.get_by_label(re.compile(r"^Smear field \d\d")).first
        name = str(picture.get_attribute("aria-label"))
        kind = KINDS[int(name.split()[2][:2]) // EACH]
        tab.locator(".lk-pick", has_text=kind).click()
        if number < len(paths) - 1:
            expect(tab.get_by_label(name)).to_have_count(0)


@pytest.mark.slow
def test_what_is_labelled_on_the_page_answers_on_the_page(
    visit: Callable[..., Page], direct_address: str, tmp_path: Path, logs: Path
):
    tab = visit(direct_address)
    (tmp_path / "cells").mkdir()
    paths = cells(tmp_path / "cells", 0, EACH)
    label(tab, paths)
    tab.keyboard.press("Escape")
    with tab.expect_download() as download:
        tab.get_by_role("link", name=f"Download labelled fields ({len(paths)})").click()
    with zipfile.ZipFile(download.value.path()) as packed:
        packed.extractall(tmp_path / "labelled")
    adapt = ["-m", "training", "adapt", str(tmp_path / "labelled"), "--base", str(servers.ROOT / "models" / "default")]
    told = subprocess.run(
        [sys.executable, *adapt, "--output", str(tmp_path / "models" / "mine")],
        cwd=tmp_path,
        env=os.environ | {"LEUKOLENS_TRACKING": "off"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert "All images are of one specimen" in told.stderr
    with (
        servers.api(logs / "own-api.log", LEUKOLENS_MODELS_DIR=str(tmp_path / "models")) as api_address,
        servers.page(api_address, logs / "own-page.log") as address,
    ):
        tab = visit(address)
        tab.get_by_label("Model", exact=True).select_option("mine")
        (tmp_path / "new").mkdir()
        upload(tab, *cells(tmp_path / "new", 500, 1))
        expect_read(tab, 2)
        tab.locator(".lk-tile").first.click()
        expect_large(tab)
        tab.get_by_text("Details", exact=True).click()
        expect(tab.locator(".lk-side")).to_contain_text(read_card(tmp_path / "models" / "mine").version)
        with LeukolensClient(api_address) as client:
            answers = [client.predict(path, model="mine") for path in sorted((tmp_path / "new").iterdir())]
    assert [max(one.probabilities or {}, key=(one.probabilities or {}).__getitem__) for one in answers] == LABELS
