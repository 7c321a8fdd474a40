from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from api.schemas import RESEARCH_USE_WARNING, Prediction
from client import LeukolensClient

from .conftest import IMAGES, SAMPLES

pytestmark = pytest.mark.browser

SAMPLE = SAMPLES / "synthetic_pre_01.png"
TITLES = {"accepted": "Accepted", "uncertain": "Uncertain", "out_of_distribution": "Not a smear the model knows"}


def upload(tab: Page, *paths: Path) -> None:
    tab.locator("input[type=file]").set_input_files(list(paths))


def expect_result(tab: Page, answer: Prediction) -> None:
    """Expect on the page what the API itself said."""
    decision = answer.prediction
    expect(tab.get_by_text(TITLES[decision.verdict])).to_be_visible()
    label = decision.label if decision.verdict == "accepted" else "No label"
    expect(tab.get_by_role("heading", name=label, exact=True)).to_be_visible()
    expect(tab.locator("[data-testid=stVegaLiteChart] svg")).to_be_visible()


def test_an_uploaded_image_gets_its_label(tab: Page, page_address: str, api: LeukolensClient):
    tab.goto(page_address)
    expect(tab.get_by_text(RESEARCH_USE_WARNING)).to_be_visible()
    upload(tab, SAMPLE)
    expect_result(tab, api.predict(SAMPLE))
    expect(tab.get_by_role("img", name=f"Smear field {SAMPLE.name}")).to_be_visible()
    expect(tab.get_by_text(RESEARCH_USE_WARNING)).to_be_visible()
    tab.wait_for_timeout(500)
    IMAGES.mkdir(exist_ok=True)
    tab.screenshot(path=IMAGES / "page.png")


@pytest.mark.data
def test_a_real_smear_gets_its_label(tab: Page, page_address: str, api: LeukolensClient, smears: Path):
    field = min((smears / "Pro").glob("*.jpg"))
    tab.goto(page_address)
    upload(tab, field)
    expect_result(tab, api.predict(field))


def test_nothing_is_fetched_from_elsewhere(tab: Page, page_address: str):
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(page_address)
    tab.get_by_role("button", name="Pre 1", exact=True).click()
    expect(tab.get_by_text("synthetic_pre_01.png")).to_be_visible()
    own = (page_address, page_address.replace("http", "ws"), "data:", "blob:")
    assert asked
    assert [url for url in asked if not url.startswith(own)] == []
