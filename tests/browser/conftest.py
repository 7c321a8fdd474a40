"""A real Chromium, a real API and the real page."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from client import LeukolensClient

from . import servers

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
SAMPLES = servers.ROOT / "samples"
IMAGES = servers.ROOT / "docs" / "images"
PATIENCE_MS = 60_000
"""Of every wait: on a busy machine the page's first paint takes seconds."""

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="session")
def api_address(chromium: str, logs: Path) -> Iterator[str]:
    with servers.api(logs / "api.log") as address:
        yield address


@pytest.fixture(scope="session")
def api(api_address: str) -> Iterator[LeukolensClient]:
    with LeukolensClient(api_address) as client:
        yield client


@pytest.fixture(scope="session")
def page_address(api_address: str, logs: Path) -> Iterator[str]:
    with servers.page(api_address, logs / "page.log") as address:
        yield address


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as driver, driver.chromium.launch(executable_path=chromium, args=FLAGS) as running:
        yield running


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        context.set_default_timeout(PATIENCE_MS)
        yield context.new_page()
