import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from api.schemas import RESEARCH_USE_WARNING
from client import LeukolensClient

from . import servers
from .conftest import SAMPLES, different, drop, expect_large, expect_read, expect_result, upload
from .gate import gate

pytestmark = pytest.mark.browser

SAMPLE = SAMPLES / "synthetic_pre_01.png"
Visit = Callable[..., Page]


def tile(tab: Page, number: int) -> Page:
    return tab.get_by_role("button", name=re.compile(rf"^Field {number},"))  # type: ignore[return-value]


def test_an_uploaded_image_gets_its_finding(visit: Visit, page_address: str, api: LeukolensClient):
    tab = visit(page_address)
    expect(tab.get_by_text(RESEARCH_USE_WARNING)).to_be_visible()
    upload(tab, SAMPLE)
    expect_read(tab, 1)
    expect_result(tab, api.predict(SAMPLE))
    expect(tab.get_by_text(RESEARCH_USE_WARNING)).to_be_visible()


@pytest.mark.data
def test_a_real_smear_gets_its_finding_and_heat_map(
    visit: Visit, page_address: str, api: LeukolensClient, smears: Path
):
    field = min((smears / "Pro").glob("*.jpg"))
    tab = visit(page_address)
    upload(tab, field)
    expect_result(tab, api.predict(field))
    tile(tab, 1).click()
    expect_large(tab)
    slider = tab.get_by_role("slider", name="Where the model looked")
    expect(slider).to_have_value("60")
    tab.keyboard.press("h")
    expect(slider).to_have_value("0")


def test_every_type_of_image_is_read_and_seen(visit: Visit, direct_address: str, tmp_path: Path):
    """A browser shows no TIFF itself."""
    paths = [tmp_path / f"field.{kind}" for kind in ("jpg", "png", "tif", "bmp", "webp")]
    with Image.open(SAMPLE) as sample:
        for path in paths:
            sample.convert("RGB").save(path)
    tab = visit(direct_address)
    upload(tab, *paths)
    expect_read(tab, len(paths))
    for number in range(1, len(paths) + 1):
        tile(tab, number).click()
        expect_large(tab)
        tab.keyboard.press("Escape")


def test_every_file_dropped_is_in_the_ledger(visit: Visit, page_address: str, tmp_path: Path):
    """Too large, no image, refused by the proxy and good ones, dropped together."""
    huge, words = tmp_path / "huge.png", tmp_path / "<img src=x onerror=alert(1)> **bold**.txt"
    huge.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(26 * 2**20))
    words.write_bytes(b"not an image")
    tab = visit(page_address)
    shouted: list[str] = []
    tab.on("dialog", lambda dialog: shouted.append(dialog.message) or dialog.dismiss())
    upload(tab, SAMPLE, huge, words, SAMPLES / "synthetic_pro_01.png")
    expect(tab.get_by_text("4 dropped: 2 read, 1 refused, 1 too large").first).to_be_visible()
    expect(tab.get_by_text(words.name)).to_be_visible()
    expect(tab.get_by_text("huge.png")).to_be_visible()
    assert shouted == []


def test_what_a_proxy_refuses_is_told(visit: Visit, direct_address: str):
    tab = visit(direct_address)
    tab.route(
        "**/workplace/files/*",
        lambda route: route.fulfill(status=413) if route.request.method == "PUT" else route.continue_(),
    )
    upload(tab, SAMPLE)
    expect(tab.get_by_text("1 dropped: 0 read, 1 too large").first).to_be_visible()
    expect(tab.get_by_text("more than the way to this page lets through")).to_be_visible()


def test_a_file_whose_connection_is_always_cut_is_told_and_the_others_are_read(visit: Visit, direct_address: str):
    """As a proxy does that resets the connection where it refuses a body."""
    tab = visit(direct_address)
    cut: list[str] = []

    def cut_first(route: Route) -> None:
        cut.extend([route.request.url] if route.request.method == "PUT" and not cut else [])
        if route.request.url in cut:
            route.abort("connectionreset")
        else:
            route.continue_()

    tab.route("**/workplace/files/*", cut_first)
    upload(tab, SAMPLE, SAMPLES / "synthetic_pro_01.png")
    expect(tab.get_by_text("2 dropped: 1 read, 1 not sent").first).to_be_visible()
    expect(tab.get_by_text("The connection was cut each time it was sent")).to_be_visible()


def test_quick_drops_lose_nothing(visit: Visit, page_address: str, tmp_path: Path):
    paths = different(tmp_path, 15)
    tab = visit(page_address)
    for start in (0, 5, 10):
        drop(tab, *paths[start : start + 5])
    expect(tab.get_by_text("15 dropped: 15 read").first).to_be_visible()


def test_a_zip_archive_is_unpacked_within_bounds(visit: Visit, direct_address: str, tmp_path: Path):
    archive, bomb = tmp_path / "fields.zip", tmp_path / "bomb.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in different(tmp_path, 3):
            packed.write(path, f"smear/{path.name}")
        packed.writestr("__MACOSX/._field", b"x")
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("zeros.png", bytes(20_000_000))
    tab = visit(direct_address)
    upload(tab, archive, bomb)
    expect(tab.get_by_text("4 dropped: 3 read, 1 not sent").first).to_be_visible()
    expect(tab.get_by_text("It unpacks to more than a hundred times its size")).to_be_visible()


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_results_come_as_they_are_ready_and_can_be_stopped(
    visit: Visit, api_address: str, logs: Path, tmp_path: Path, transport: str
):
    with (
        gate(api_address, images=7) as before,
        servers.page(
            before.address,
            logs / f"count-{transport}.log",
            LEUKOLENS_TRANSPORT=transport,
            LEUKOLENS_API_TIMEOUT_S="300",  # an image that is asked for twice would pass the gate twice
        ) as address,
    ):
        tab = visit(address)
        drop(tab, *different(tmp_path, 20))
        expect(tab.get_by_text("20 dropped: 7 read, 13 waiting").first).to_be_visible()
        expect(tile(tab, 1)).to_be_visible()
        tab.get_by_role("link", name="Specimen report").first.click()
        expect(tab.get_by_text("Files not read yet: 13.")).to_be_visible()
        tab.get_by_role("button", name="Stop").click()
        before.open(13)
        tab.get_by_role("button", name="Go on").click()
        expect_read(tab, 20)
        expect(tab.get_by_text("Files not read yet")).to_have_count(0)


def test_after_a_reload_everything_is_still_there(visit: Visit, page_address: str):
    tab = visit(page_address)
    upload(tab, SAMPLE)
    expect_read(tab, 1)
    tab.get_by_label("Specimen").fill("Case 12/ü")
    tile(tab, 1).click()
    expect_large(tab)
    tab.keyboard.press("3")
    expect(tab.get_by_role("group", name="You: ")).to_be_visible()
    tab.reload()
    expect_read(tab, 1)
    expect(tab.get_by_label("Specimen")).to_have_value("Case 12/ü")
    expect(tile(tab, 1)).to_contain_text("You: ")


def test_a_field_is_read_by_keys_alone(visit: Visit, direct_address: str, tmp_path: Path):
    tab = visit(direct_address)
    upload(tab, *different(tmp_path, 3))
    expect_read(tab, 3)
    tiles = tab.locator(".lk-tile")
    tiles.first.focus()
    tab.keyboard.press("ArrowRight")
    expect(tiles.nth(1)).to_be_focused()
    tab.keyboard.press("Enter")
    expect(tab.get_by_text("2 of 3")).to_be_visible()
    expect_large(tab)
    tab.keyboard.press("1")
    expect(tab.get_by_text("3 of 3")).to_be_visible()
    tab.keyboard.press("u")
    expect(tab.get_by_text("2 of 3")).to_be_visible()
    expect(tab.get_by_text("What do you see?")).to_be_visible()
    tab.keyboard.press("c")
    expect(tab.locator(".lk-pane:visible")).to_have_count(2)
    tab.keyboard.press("?")
    expect(tab.get_by_text("Escape: back to the grid")).to_be_visible()
    tab.keyboard.press("Escape")
    expect(tiles.nth(1)).to_be_focused()


def test_a_filter_shows_what_it_counts_and_clearing_asks(visit: Visit, direct_address: str):
    tab = visit(direct_address)
    upload(tab, SAMPLE)
    expect_read(tab, 1)
    chips = tab.get_by_role("group", name="Fields by finding").get_by_role("button")
    chips.nth(1).click()
    expect(chips.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(tab.locator(".lk-tile")).to_have_count(1)
    tab.get_by_role("button", name="Clear all").click()
    tab.get_by_role("button", name="Cancel").click()
    expect(tab.locator(".lk-tile")).to_have_count(1)
    tab.get_by_role("button", name="Clear all").click()
    tab.get_by_role("dialog").get_by_role("button", name="Clear all").click()
    expect(tab.locator(".lk-tile")).to_have_count(0)


def test_two_browsers_never_see_each_others_images(visit: Visit, page_address: str):
    one, other = visit(page_address), visit(page_address)
    upload(one, SAMPLE)
    expect_read(one, 1)
    upload(other, SAMPLES / "synthetic_early_01.png")
    expect_read(other, 1)
    expect(other.get_by_text(SAMPLE.name)).to_have_count(0)
    expect(one.get_by_text("synthetic_early_01.png")).to_have_count(0)


def test_nothing_is_fetched_from_elsewhere(visit: Visit, page_address: str):
    tab = visit("about:blank")
    asked: list[str] = []
    blocked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda line: blocked.append(line.text) if "Content Security Policy" in line.text else None)
    tab.goto(page_address)
    tab.get_by_role("button", name="Try it").click()
    expect_read(tab, 8)
    tile(tab, 1).click()
    expect_large(tab)
    own = (page_address, page_address.replace("http", "ws"), "data:", "blob:", "about:")
    assert asked
    assert [url for url in asked if not url.startswith(own)] == []
    assert blocked == []
