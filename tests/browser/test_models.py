import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from . import servers
from .conftest import SAMPLES, expect_large, expect_read, open_view, upload

pytestmark = pytest.mark.browser

VERSION = "9.9.9"


@pytest.fixture(scope="module")
def two_models(logs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give a page whose API has a second model: the shipped one under another version, at a known pixel size."""
    further = tmp_path_factory.mktemp("models")
    folder = shutil.copytree(servers.ROOT / "models" / "default", further / "second")
    card = json.loads((folder / "model.json").read_text())
    card |= {"version": VERSION, "scale": card["scale"] | {"microns_per_pixel": 0.1}}
    (folder / "model.json").write_text(json.dumps(card))
    with (
        servers.api(logs / "models-api.log", LEUKOLENS_MODELS_DIR=str(further)) as api_address,
        servers.page(api_address, logs / "models-page.log") as address,
    ):
        yield address


def test_models_are_switched_and_compared(visit: Callable[..., Page], two_models: str):
    tab = visit(two_models)
    choice = tab.get_by_label("Model", exact=True)
    expect(choice).to_have_value("default")
    upload(tab, SAMPLES / "synthetic_pre_01.png", SAMPLES / "synthetic_pro_01.png")
    expect_read(tab, 2)
    choice.select_option("second")
    expect(tab.get_by_text("Answered by another model, or without this pixel size: 2")).to_be_visible()
    tab.get_by_role("button", name="Classify them again").click()
    expect(tab.get_by_text("Answered by another model")).to_have_count(0)
    expect_read(tab, 2)
    tab.locator(".lk-tile").first.click()
    expect_large(tab)
    tab.get_by_text("Details", exact=True).click()
    expect(tab.locator(".lk-side")).to_contain_text(VERSION)
    tab.keyboard.press("Escape")
    open_view(tab, "Model")
    expect(tab.get_by_label("Model", exact=True)).to_have_value("second")
    tab.get_by_role("button", name="Compare on my fields").click()
    expect(tab.get_by_text("of 2 fields.")).to_contain_text("Both say the same of 2")


def test_the_pixel_size_is_asked_once_and_goes_along(visit: Callable[..., Page], two_models: str):
    tab = visit(two_models)
    pixel = tab.get_by_label("Pixel size (micrometres, if known)")
    pixel.fill("1000")
    pixel.press("Enter")
    expect(tab.get_by_text("Give a number from 0.01 to 100, or leave it empty.")).to_be_visible()
    pixel.fill("0.1")
    pixel.press("Enter")
    expect(tab.get_by_text("Give a number from")).to_have_count(0)
    tab.get_by_label("Model", exact=True).select_option("second")
    upload(tab, SAMPLES / "synthetic_pre_01.png")
    expect_read(tab, 1)
    tab.locator(".lk-tile").click()
    expect_large(tab)
    tab.get_by_text("Details", exact=True).click()
    expect(tab.locator(".lk-side")).to_contain_text("(given)")
    tab.keyboard.press("Escape")
    tab.reload()
    expect(pixel).to_have_value("0.1")


def test_the_uploader_offers_every_type_that_is_read(visit: Callable[..., Page], direct_address: str):
    tab = visit(direct_address)
    offered = str(tab.get_by_label("Choose images").get_attribute("accept")).split(",")
    assert {".heic", ".avif", ".jp2", ".dcm", ".tif", ".zip"} <= set(offered)
    expect(tab.get_by_text("HEIC, AVIF, JPEG 2000 or DICOM")).to_be_visible()
