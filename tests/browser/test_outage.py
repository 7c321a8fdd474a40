import contextlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.surroundings import free_port

from . import servers
from .conftest import SAMPLES, drop, upload

pytestmark = pytest.mark.browser

SAMPLE = SAMPLES / "synthetic_pre_01.png"


@contextlib.contextmanager
def silent(port: int) -> Iterator[None]:
    """Take connections, and never answer."""
    with socket.create_server(("127.0.0.1", port)):
        yield


@pytest.mark.parametrize("behind_proxy", [False, True], ids=["direct", "proxied"])
def test_the_api_is_absent_then_slow_and_comes_back(visit: Callable[..., Page], logs: Path, behind_proxy: bool):
    port = free_port()
    access = {"LEUKOLENS_TRANSPORT": "auto", "LEUKOLENS_API_TIMEOUT_S": "5"}
    with contextlib.ExitStack() as stack:
        address = stack.enter_context(servers.page(f"http://127.0.0.1:{port}", logs / "outage-page.log", **access))
        if behind_proxy:
            address = stack.enter_context(servers.proxy(address, logs / "outage-nginx"))
        tab = visit(address)
        upload(tab, SAMPLE)
        expect(tab.get_by_text("1 of 1 images got no answer.")).to_be_visible()
        expect(tab.get_by_text("Connection refused")).to_be_visible()
        with silent(port):
            tab.get_by_role("button", name="Try again").click()
            expect(tab.get_by_text("timed out")).to_be_visible()
        with servers.api(logs / "outage-api.log", port):
            tab.get_by_role("button", name="Try again").click()
            expect(tab.get_by_role("heading", name="1 field")).to_be_visible()
            expect(tab.get_by_text("got no answer")).to_have_count(0)


def test_files_dropped_while_others_are_classified_are_kept(visit: Callable[..., Page], logs: Path):
    port = free_port()
    access = {"LEUKOLENS_TRANSPORT": "auto", "LEUKOLENS_API_TIMEOUT_S": "3600"}
    with servers.page(f"http://127.0.0.1:{port}", logs / "dropped-page.log", **access) as address:
        tab = visit(address)
        with silent(port):
            for number, path in enumerate((SAMPLE, SAMPLES / "synthetic_early_01.png"), 1):
                drop(tab, path)
                # The next uploader is there while the file is classified, which will never end.
                expect(tab.locator(f".st-key-upload-{number}")).to_be_visible()
        expect(tab.get_by_text("2 of 2 images got no answer.")).to_be_visible()
        with servers.api(logs / "dropped-api.log", port):
            tab.get_by_role("button", name="Try again").click()
            expect(tab.get_by_role("heading", name="2 fields")).to_be_visible()


def test_the_page_itself_goes_and_comes_back(visit: Callable[..., Page], api_address: str, logs: Path):
    port = free_port()
    log = logs / "restarted-page.log"
    with servers.page(api_address, log, port, LEUKOLENS_TRANSPORT="polling") as address:
        tab = visit(address)
        expect(tab.get_by_role("heading", name="Classify smear fields")).to_be_visible()
    with servers.page(api_address, log, port, LEUKOLENS_TRANSPORT="polling"):
        # Streamlit disables its buttons until the browser has found the new server.
        tab.get_by_role("button", name="Pre 1", exact=True).click()
        expect(tab.get_by_role("heading", name="1 field")).to_be_visible()
