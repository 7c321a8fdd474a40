from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from api.schemas import RESEARCH_USE_WARNING
from client import LeukolensClient

from .conftest import SAMPLES, drop, expect_result, settle, upload

pytestmark = pytest.mark.browser

SAMPLE = SAMPLES / "synthetic_pre_01.png"
Visit = Callable[..., Page]
WATCH_PROGRESS = """() => {
    window.said = [];
    new MutationObserver(() => {
        const text = document.querySelector("[data-testid=stProgress]")?.innerText.trim();
        if (text && text !== window.said.at(-1)) { window.said.push(text); }
    }).observe(document.body, { childList: true, characterData: true, subtree: true });
}"""
"""Notes every text of the progress bar: it is there for a second or two."""


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


def test_twenty_images_at_once(visit: Visit, page_address: str, tmp_path: Path, request: pytest.FixtureRequest):
    # The same picture with another ending is another file: 20 fields from 8 samples.
    samples = sorted(SAMPLES.glob("*.png"))
    paths = []
    for number in range(20):
        paths.append(tmp_path / f"field_{number:02}.png")
        paths[-1].write_bytes(samples[number % len(samples)].read_bytes() + bytes([number]))
    tab = visit(page_address)
    # The bar's code is fetched with the first bar, and no bar is seen before.
    upload(tab, *samples)
    expect(tab.get_by_role("heading", name=f"{len(samples)} fields")).to_be_visible()
    settle(tab)  # until then the uploader of before and the new one may both be there
    tab.evaluate(WATCH_PROGRESS)
    drop(tab, *paths)
    expect(tab.get_by_role("heading", name=f"{len(samples) + 20} fields")).to_be_visible()
    counts = [int(said.removeprefix("Classifying ").removesuffix(" of 20")) for said in tab.evaluate("window.said")]
    assert counts == sorted(counts)
    # The proxy lets no WebSocket pass, and a poll may bring several counts at once.
    ends = {20} if request.node.callspec.params["page_address"] == "proxied" else {0, 20}
    assert set(counts) - ends  # it was seen on its way
    expect(tab.get_by_text(f"Field {len(samples) + 20} ·")).to_be_visible()
    tab.get_by_role("button", name="Page 3").click()
    expect(tab.get_by_text("Field 1 ·")).to_be_visible()


def test_files_dropped_while_others_are_classified_are_kept(visit: Visit, direct_address: str, tmp_path: Path):
    paths = []
    for number in range(65):
        paths.append(tmp_path / f"field_{number:02}.png")
        paths[-1].write_bytes(SAMPLE.read_bytes() + bytes([number]))
    tab = visit(direct_address)
    upload(tab, paths[0])  # the bar's code is fetched with the first bar, and no bar is seen before
    expect(tab.get_by_role("heading", name="1 field")).to_be_visible()
    settle(tab)
    upload(tab, *paths[1:60])
    tab.get_by_test_id("stProgress").wait_for()
    drop(tab, *paths[60:])
    expect(tab.get_by_role("heading", name="65 fields")).to_be_visible()
    expect(tab.get_by_text(f"Field {len(paths)} ·")).to_be_visible()


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
