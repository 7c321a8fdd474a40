import contextlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.surroundings import free_port

from . import servers
from .conftest import SAMPLES, different, expect_large, expect_read, upload
from .gate import gate

pytestmark = pytest.mark.browser

SAMPLE = SAMPLES / "synthetic_pre_01.png"


@pytest.mark.parametrize("behind_proxy", [False, True], ids=["direct", "proxied"])
def test_the_api_is_absent_and_comes_back_and_nothing_is_lost(
    visit: Callable[..., Page], logs: Path, behind_proxy: bool
):
    port = free_port()
    access = {"LEUKOLENS_TRANSPORT": "auto", "LEUKOLENS_API_TIMEOUT_S": "5"}
    with contextlib.ExitStack() as stack:
        address = stack.enter_context(servers.page(f"http://127.0.0.1:{port}", logs / "outage-page.log", **access))
        if behind_proxy:
            address = stack.enter_context(servers.proxy(address, logs / "outage-nginx"))
        tab = visit(address)
        upload(tab, SAMPLE)
        expect(tab.get_by_text("The classification service does not answer. It is asked again")).to_be_visible()
        expect(tab.get_by_text("127.0.0.1")).to_have_count(0)
        with servers.api(logs / "outage-api.log", port):
            # By itself where the service is back in time; by a click where the page had given up.
            again = tab.get_by_role("button", name="Try again").or_(tab.get_by_text("1 dropped: 1 read"))
            expect(again).to_be_visible()
            if tab.get_by_role("button", name="Try again").is_visible():
                tab.get_by_role("button", name="Try again").click()
            expect_read(tab, 1)


@pytest.mark.parametrize("behind_proxy", [False, True], ids=["direct", "proxied"])
def test_the_api_is_started_again_in_the_middle_of_sixty(
    visit: Callable[..., Page], logs: Path, tmp_path: Path, behind_proxy: bool
):
    """As a deployment of the API is seen: every file stays in the ledger, and each is read in the end."""
    port = free_port()
    access = {"LEUKOLENS_TRANSPORT": "auto", "LEUKOLENS_API_TIMEOUT_S": "300"}
    with contextlib.ExitStack() as stack:
        before = stack.enter_context(gate(f"http://127.0.0.1:{port}", images=20))
        address = stack.enter_context(servers.page(before.address, logs / "sixty-page.log", **access))
        if behind_proxy:
            address = stack.enter_context(servers.proxy(address, logs / "sixty-nginx"))
        tab = visit(address)
        with servers.api(logs / "sixty-api.log", port):
            upload(tab, *different(tmp_path, 60))
            expect(tab.get_by_text(re.compile(r"60 dropped: 20 read, \d+ waiting")).first).to_be_visible()
        before.open(images=1000)  # as many as are asked again
        expect(tab.get_by_text("The classification service does not answer. It is asked again")).to_be_visible()
        expect(tab.get_by_text(re.compile(r"60 dropped: 20 read")).first).to_be_visible()
        with servers.api(logs / "sixty-api.log", port):
            again = tab.get_by_role("button", name="Try again")
            expect(again.or_(tab.get_by_text("60 dropped: 60 read")).first).to_be_visible()
            if again.is_visible():
                again.click()
            expect_read(tab, 60)


def test_the_page_is_started_again_and_the_files_are_sent_again(
    visit: Callable[..., Page], api_address: str, logs: Path
):
    port = free_port()
    log = logs / "restarted-page.log"
    with servers.page(api_address, log, port, LEUKOLENS_TRANSPORT="polling") as address:
        tab = visit(address)
        upload(tab, SAMPLE)
        expect_read(tab, 1)
        tab.locator(".lk-tile").click()
        expect_large(tab)
        tab.keyboard.press("2")
        expect(tab.locator(".lk-enter").get_by_text("You: ")).to_be_visible()
        tab.keyboard.press("Escape")
    with servers.page(api_address, log, port, LEUKOLENS_TRANSPORT="polling"):
        expect(tab.get_by_text("This is a new session: the page's server was started again.")).to_be_visible()
        expect_read(tab, 1)
        expect(tab.locator(".lk-tile")).to_contain_text("You: ")


def test_the_page_is_started_again_after_a_reload_and_says_what_is_gone(
    visit: Callable[..., Page], api_address: str, logs: Path
):
    port = free_port()
    log = logs / "gone-page.log"
    with servers.page(api_address, log, port, LEUKOLENS_TRANSPORT="polling") as address:
        tab = visit(address)
        upload(tab, SAMPLE)
        expect_read(tab, 1)
        tab.reload()
        expect_read(tab, 1)
    with servers.page(api_address, log, port, LEUKOLENS_TRANSPORT="polling"):
        expect(tab.get_by_text("This is a new session: the 1 files that were here are gone.")).to_be_visible()


def test_a_lost_network_is_told_and_the_drop_goes_on(visit: Callable[..., Page], direct_address: str):
    tab = visit(direct_address)
    expect(tab.get_by_label("Choose images")).to_be_attached()
    tab.context.set_offline(True)
    upload(tab, SAMPLE)
    expect(tab.get_by_text("No connection. What you dropped is kept in this tab")).to_be_visible()
    tab.context.set_offline(False)
    expect_read(tab, 1)
