import zipfile
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from .conftest import SAMPLES, expect_large, expect_read

pytestmark = pytest.mark.browser


def test_what_is_labelled_is_downloaded_as_a_data_set(visit: Callable[..., Page], direct_address: str):
    """Own class, least certain first, the next field without a label by itself."""
    tab = visit(direct_address)
    tab.get_by_label("Choose images").set_input_files([SAMPLES / f"synthetic_{kind}_01.png" for kind in ("pre", "pro")])
    expect_read(tab, 2)
    tab.get_by_role("button", name="Least certain first").click()
    expect(tab.get_by_role("button", name="Least certain first", pressed=True)).to_be_visible()
    tab.locator(".lk-tile").first.click()
    expect_large(tab)
    tab.get_by_label("A class of your own").fill("Smudge cell")
    tab.keyboard.press("Enter")
    own = tab.locator(".lk-pick", has_text="Smudge cell")
    expect(own).to_be_visible()
    own.click()
    expect(tab.get_by_text("2 of 2")).to_be_visible()
    tab.keyboard.press("1")
    tab.keyboard.press("Escape")
    with tab.expect_download() as download:
        tab.get_by_role("link", name="Download labelled fields (2)").click()
    with zipfile.ZipFile(download.value.path()) as packed:
        assert packed.testzip() is None
        folders = {name.split("/")[0] for name in packed.namelist()}
        assert {"Smudge-cell", "groups.csv", "classes.toml"} < folders
        assert len(packed.read("groups.csv").decode().splitlines()) == 3
