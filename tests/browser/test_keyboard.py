import json
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, Request, Route, expect

from .conftest import SAMPLES, expect_large, expect_read, settle, upload

pytestmark = pytest.mark.browser

STEPS = 120
"""Of the Tab key, at most, from one place of a view to another."""
HAS_FOCUS = "element => element === document.activeElement"


def reach(tab: Page, wanted: Locator, key: str = "Tab") -> None:
    """Press a key until the focus is where it is wanted."""
    expect(wanted).to_be_attached()
    for _ in range(STEPS):
        if wanted.evaluate(HAS_FOCUS):
            return
        tab.keyboard.press(key)
    raise AssertionError(f"{STEPS} times {key} never reached {wanted}")


def test_from_upload_to_report_without_a_mouse(visit: Callable[..., Page], page_address: str):
    tab = visit(page_address)
    settle(tab)
    name = tab.get_by_label("Specimen", exact=True)
    reach(tab, name)
    tab.keyboard.type("Case 12")
    settle(tab)
    chooser = tab.get_by_label("Choose images")
    with tab.expect_file_chooser() as asked:  # from before the last keys: a key may overtake what catches the chooser
        reach(tab, chooser)
        tab.keyboard.press("Space")
    asked.value.set_files([SAMPLES / "synthetic_pre_01.png", SAMPLES / "synthetic_pro_01.png"])
    expect_read(tab, 2)
    reach(tab, tab.locator(".lk-tile").first)
    tab.keyboard.press("Enter")
    expect_large(tab)
    tab.keyboard.press("1")
    expect(tab.get_by_text("2 of 2")).to_be_visible()
    tab.keyboard.press("2")
    expect(tab.locator(".lk-enter").get_by_text("You: ")).to_be_visible()
    tab.keyboard.press("Escape")
    expect(tab.get_by_text("2 of 2 read by you")).to_be_visible()
    reach(tab, tab.get_by_role("link", name="Specimen report").filter(visible=True).first, "Shift+Tab")
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("heading", name="Specimen report", exact=True)).to_be_visible()
    settle(tab)
    report = tab.get_by_role("button", name="Report (PDF)")
    reach(tab, report)
    with tab.expect_download() as download:
        tab.keyboard.press("Enter")
    assert download.value.suggested_filename == "leukolens-Case-12.pdf"
    assert download.value.path().read_bytes().startswith(b"%PDF")


def test_the_tab_key_comes_to_what_stands_first_in_the_grid(visit: Callable[..., Page], direct_address: str):
    """The field that was dropped first arrives last, and stands before the other."""
    tab = visit(direct_address)
    announced: dict[str, str] = {}
    held: list[Route] = []

    def note_ids(request: Request) -> None:
        if request.method == "POST" and urlsplit(request.url).path.endswith("/workplace/files"):
            announced.update({file["name"]: file["id"] for file in json.loads(request.post_data or "")["files"]})

    def hold_first(route: Route) -> None:
        # By its id: the browser sends two bodies in whichever order it has read them from the disk.
        if announced["synthetic_pre_01.png"] in route.request.url and not held:
            held.append(route)
        else:
            route.continue_()

    tab.on("request", note_ids)
    tab.route("**/workplace/files/*", hold_first)
    upload(tab, SAMPLES / "synthetic_pre_01.png", SAMPLES / "synthetic_pro_01.png")
    expect(tab.get_by_text("2 dropped: 1 read, 1 on the way").first).to_be_visible()
    tiles = tab.locator(".lk-tile")
    expect(tiles.first).to_have_attribute("title", "synthetic_pro_01.png")
    held[0].continue_()
    expect_read(tab, 2)
    expect(tiles.first).to_have_attribute("title", "synthetic_pre_01.png")
    reach(tab, tiles.first)
