import io
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from client import LeukolensClient

from .conftest import IMAGES, SAMPLES, open_view, settle, upload

pytestmark = pytest.mark.browser

ALL = sorted(SAMPLES.glob("*.png"))
Visit = Callable[..., Page]


def classified(tab: Page) -> Page:
    upload(tab, *ALL)
    expect(tab.get_by_role("heading", name=f"{len(ALL)} fields")).to_be_visible()
    return tab


def test_a_specimen_is_reported(visit: Visit, page_address: str, api: LeukolensClient):
    tab = classified(visit(page_address))
    open_view(tab, "Specimen report")
    expect(tab.get_by_text(api.report(api.predict(path) for path in ALL).reason)).to_be_visible()
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Report (PDF)").click()
    document = PdfReader(io.BytesIO(download.value.path().read_bytes()))
    assert api.model().sha256 in document.pages[0].extract_text()
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Fields (CSV)").click()
    assert len(download.value.path().read_text("utf-8-sig").splitlines()) == len(ALL) + 1


def test_a_review_is_stored(visit: Visit, page_address: str):
    tab = visit(page_address)
    upload(tab, ALL[0])
    expect(tab.get_by_role("heading", name="1 field")).to_be_visible()
    open_view(tab, "Review")
    tab.get_by_text("Other", exact=True).click()
    tab.get_by_text("The image may be kept").click()
    tab.get_by_role("button", name="Send").click()
    expect(tab.get_by_text("you said Other")).to_be_visible()


def test_the_card_is_shown(visit: Visit, page_address: str, api: LeukolensClient):
    tab = visit(f"{page_address}/model")
    expect(tab.get_by_text(api.model().sha256)).to_be_visible()
    expect(tab.get_by_text("one public data set of one laboratory")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures_of_every_view(visit: Visit, direct_address: str, api: LeukolensClient, scheme: str):
    """Write what the documents show: synthetic samples only, an accepted one on top where there is one."""
    last_first = ("out_of_distribution", "uncertain", "accepted")
    paths = sorted(ALL, key=lambda path: last_first.index(api.predict(path).prediction.verdict))
    tab = visit(direct_address, scheme)
    upload(tab, *paths)
    expect(tab.get_by_role("heading", name=f"{len(paths)} fields")).to_be_visible()
    expect(tab.locator("[data-testid=stVegaLiteChart] svg.marks")).to_have_count(len(paths))
    IMAGES.mkdir(exist_ok=True)
    settle(tab)
    tab.screenshot(path=IMAGES / f"classify-{scheme}.png")
    if scheme == "light":
        tab.screenshot(path=IMAGES / "page.png")  # the README's
    for name in ("Specimen report", "Review", "Model"):
        open_view(tab, name)
        settle(tab)
        tab.screenshot(path=IMAGES / f"{name.split()[0].lower()}-{scheme}.png")
    assert len(list(IMAGES.glob(f"*-{scheme}.png"))) >= 4
