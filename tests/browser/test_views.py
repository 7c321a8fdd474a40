import io
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from client import LeukolensClient

from .conftest import IMAGES, SAMPLES, expect_large, expect_read, open_view, settle, upload

pytestmark = pytest.mark.browser

ALL = sorted(SAMPLES.glob("*.png"))
WIDTHS = ((1440, 1000), (1280, 900), (390, 844))
Visit = Callable[..., Page]


def classified(tab: Page) -> Page:
    upload(tab, *ALL)
    expect_read(tab, len(ALL))
    return tab


def test_a_specimen_is_reported(visit: Visit, page_address: str, api: LeukolensClient):
    tab = classified(visit(page_address))
    open_view(tab, "Specimen report")
    expect(tab.get_by_text(api.report(api.predict(path) for path in ALL).reason)).to_be_visible()
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Report (PDF)").click()
    document = PdfReader(io.BytesIO(download.value.path().read_bytes()))
    assert str(api.model().digest) in document.pages[0].extract_text()
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Fields (CSV)").click()
    assert len(download.value.path().read_text("utf-8-sig").splitlines()) == len(ALL) + 1


def test_a_review_is_stored(visit: Visit, page_address: str):
    tab = visit(page_address)
    upload(tab, ALL[0])
    expect_read(tab, 1)
    open_view(tab, "Review")
    tab.get_by_text("none of these", exact=True).click()
    tab.get_by_text("The image may be kept").click()
    tab.get_by_role("button", name="Send and go on").click()
    expect(tab.get_by_text("you said none of these")).to_be_visible()


def test_the_card_is_shown(visit: Visit, page_address: str, api: LeukolensClient):
    tab = visit(f"{page_address}/model")
    for question in ("How often does it miss a leukaemia on a new slide?", "How often does it cry wolf?"):
        expect(tab.get_by_role("heading", name=question)).to_be_visible()
    dots = tab.locator("img.leukolens-dots")
    expect(dots).to_have_count(2)
    for number in range(2):
        # The picture's name is the sentence above it.
        assert dots.nth(number).evaluate("picture => picture.complete && picture.naturalWidth > 0")
        expect(tab.get_by_text(str(dots.nth(number).get_attribute("alt")))).to_be_visible()
    expect(tab.get_by_text(api.model().sha256)).to_be_hidden()
    tab.get_by_text("The model in use", exact=True).click()
    expect(tab.get_by_text(api.model().sha256)).to_be_visible()
    tab.get_by_text("Limits", exact=True).click()
    expect(tab.get_by_text("one public data set of one laboratory")).to_be_visible()


def test_the_page_speaks_the_readers_language(visit: Visit, direct_address: str):
    tab = visit(direct_address, locale="de-DE")
    tab.get_by_label("Bilder wählen").set_input_files(ALL[0])
    expect(tab.get_by_text("1 abgelegt: 1 gelesen")).to_be_visible()
    tab.get_by_role("link", name="Befundbericht").filter(visible=True).first.click()
    expect(tab.get_by_role("heading", name="Befundbericht", exact=True)).to_be_visible()
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Bericht (PDF)").click()
    document = PdfReader(io.BytesIO(download.value.path().read_bytes()))
    assert "Alle Gesichtsfelder" in "".join(page.extract_text() for page in document.pages)
    tab.get_by_role("combobox", name="Sprache").click()
    tab.get_by_role("option", name="English").click()
    expect(tab.get_by_role("heading", name="Specimen report", exact=True)).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures_of_every_view(visit: Visit, direct_address: str, scheme: str):
    """Write what the documents show: synthetic samples only, at the widths of a desk, a laptop and a telephone."""
    tab = classified(visit(direct_address, scheme))
    IMAGES.mkdir(exist_ok=True)
    for width, height in WIDTHS:
        tab.set_viewport_size({"width": width, "height": height})
        name = f"{scheme}-{width}"
        settle(tab)
        tab.screenshot(path=IMAGES / f"classify-{name}.png")
        if name == "light-1280":
            tab.screenshot(path=IMAGES / "page.png")  # the README's
        tab.locator(".lk-tile").first.click()
        expect_large(tab)
        tab.screenshot(path=IMAGES / f"field-{name}.png")
        tab.keyboard.press("Escape")
        for view in ("Specimen report", "Review", "Model"):
            open_view(tab, view)
            settle(tab)
            tab.screenshot(path=IMAGES / f"{view.split()[0].lower()}-{name}.png")
        open_view(tab, "Classify")
    assert len(list(IMAGES.glob(f"*-{scheme}-*.png"))) >= 5 * len(WIDTHS)
