from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from api.schemas import RESEARCH_USE_WARNING
from client import LeukolensClient

from . import servers
from .conftest import SAMPLES, drop, expect_result, upload
from .gate import gate

pytestmark = pytest.mark.browser

SAMPLE = SAMPLES / "synthetic_pre_01.png"
Visit = Callable[..., Page]


def test_an_uploaded_image_gets_its_label(visit: Visit, page_address: str, api: LeukolensClient):
    tab = visit(page_address)
    expect(tab.get_by_text(RESEARCH_USE_WARNING)).to_be_visible()
    upload(tab, SAMPLE)
    expect_result(tab, api.predict(SAMPLE))
    expect(tab.get_by_role("img", name=f"Smear field {SAMPLE.name}")).to_be_visible()
    expect(tab.get_by_text(RESEARCH_USE_WARNING)).to_be_visible()


@pytest.mark.data
def test_a_real_smear_gets_its_label(visit: Visit, page_address: str, api: LeukolensClient, smears: Path):
    field = min((smears / "Pro").glob("*.jpg"))
    tab = visit(page_address)
    upload(tab, field)
    expect_result(tab, api.predict(field))


def test_every_type_of_image_is_answered_and_seen(visit: Visit, direct_address: str, tmp_path: Path):
    """A browser shows no TIFF itself."""
    paths = [tmp_path / f"field.{kind}" for kind in ("jpg", "png", "tif", "bmp", "webp")]
    with Image.open(SAMPLE) as sample:
        for path in paths:
            sample.convert("RGB").save(path)
    tab = visit(direct_address)
    upload(tab, *paths)
    expect(tab.get_by_role("heading", name=f"{len(paths)} fields")).to_be_visible()
    for path in paths:
        picture = tab.get_by_role("img", name=f"Smear field {path.name}")
        expect(picture).to_be_visible()
        assert picture.evaluate("async picture => { await picture.decode(); return picture.naturalWidth; }") > 0


def test_twenty_images_at_once(visit: Visit, page_address: str, tmp_path: Path):
    paths = _different(tmp_path, 20)
    tab = visit(page_address)
    drop(tab, *paths)
    expect(tab.get_by_role("heading", name="20 fields")).to_be_visible()
    expect(tab.get_by_text("Field 20 ·")).to_be_visible()
    tab.get_by_role("button", name="Page 2").click()
    expect(tab.get_by_text("Field 1 ·")).to_be_visible()


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_the_count_is_seen_on_its_way(visit: Visit, api_address: str, logs: Path, tmp_path: Path, transport: str):
    with (
        gate(api_address, images=7) as before,
        servers.page(before.address, logs / f"count-{transport}.log", LEUKOLENS_TRANSPORT=transport) as address,
    ):
        tab = visit(address)
        drop(tab, *_different(tmp_path, 20))
        expect(tab.get_by_text("Classifying 7 of 20")).to_be_visible()
        before.open(6)
        expect(tab.get_by_text("Classifying 13 of 20")).to_be_visible()
        before.open(7)
        expect(tab.get_by_role("heading", name="20 fields")).to_be_visible()


def test_a_hostile_file_is_refused_and_the_others_go_on(visit: Visit, page_address: str, tmp_path: Path):
    hostile = tmp_path / "<img src=x onerror=alert(1)> **bold**.png"
    hostile.write_bytes(b"\x89PNG\r\n\x1a\n" + b"not really" * 10)
    tab = visit(page_address)
    shouted: list[str] = []
    tab.on("dialog", lambda dialog: shouted.append(dialog.message) or dialog.dismiss())
    upload(tab, hostile, SAMPLE)
    expect(tab.get_by_text("1 file was not classified.")).to_be_visible()
    expect(tab.get_by_text(hostile.name)).to_be_visible()
    expect(tab.get_by_role("heading", name="1 field")).to_be_visible()
    assert shouted == []


def test_the_heat_map_is_as_strong_as_the_slider_says(visit: Visit, page_address: str):
    tab = visit(page_address)
    upload(tab, SAMPLE)
    layer = tab.get_by_role("img", name="Where the model looked")
    expect(layer).to_have_css("opacity", "0.45")
    tab.get_by_role("slider", name="Heat map").press("Home")
    expect(layer).to_have_css("opacity", "0")


def test_after_a_reload_the_page_works_again(visit: Visit, page_address: str):
    tab = visit(page_address)
    upload(tab, SAMPLE)
    expect(tab.get_by_role("heading", name="1 field")).to_be_visible()
    tab.reload()
    expect(tab.get_by_role("heading", name="Classify smear fields")).to_be_visible()
    expect(tab.get_by_role("heading", name="1 field")).to_have_count(0)
    upload(tab, SAMPLE)
    expect(tab.get_by_role("heading", name="1 field")).to_be_visible()


def test_two_browsers_never_see_each_others_images(visit: Visit, page_address: str):
    one, other = visit(page_address), visit(page_address)
    upload(one, SAMPLE)
    expect(one.get_by_role("heading", name="1 field")).to_be_visible()
    other.get_by_role("button", name="Early 1", exact=True).click()
    expect(other.get_by_text("synthetic_early_01.png")).to_be_visible()
    expect(other.get_by_text(SAMPLE.name)).to_have_count(0)
    expect(one.get_by_text("synthetic_early_01.png")).to_have_count(0)


def test_nothing_is_fetched_from_elsewhere(visit: Visit, page_address: str):
    tab = visit("about:blank")
    asked: list[str] = []
    blocked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda line: blocked.append(line.text) if "Content Security Policy" in line.text else None)
    tab.goto(page_address)
    tab.get_by_role("button", name="Pre 1", exact=True).click()
    expect(tab.get_by_text("synthetic_pre_01.png")).to_be_visible()
    own = (page_address, page_address.replace("http", "ws"), "data:", "blob:", "about:")
    assert asked
    assert [url for url in asked if not url.startswith(own)] == []
    assert blocked == []


def _different(folder: Path, count: int) -> list[Path]:
    """Write so many images: the same picture with another ending is another file."""
    samples = sorted(SAMPLES.glob("*.png"))
    paths = [folder / f"field_{number:02}.png" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(samples[number % len(samples)].read_bytes() + bytes([number]))
    return paths
