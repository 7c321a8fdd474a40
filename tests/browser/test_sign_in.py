from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.surroundings import free_port

from . import identity, servers
from .conftest import SAMPLES, expect_large, expect_read, open_view, upload

pytestmark = pytest.mark.browser


@contextmanager
def page_with_sign_in(api_address: str, log: Path, transport: str) -> Iterator[str]:
    gateway = type("ThisGateway", (identity.Gateway,), {"api_address": api_address})
    port = free_port()
    with identity.serving(identity.Provider) as provider, identity.serving(gateway) as api:
        access = {
            "LEUKOLENS_TRANSPORT": transport,
            "LEUKOLENS_OIDC_METADATA_URL": f"{provider}/.well-known/openid-configuration",
            "LEUKOLENS_OIDC_CLIENT_ID": identity.CLIENT_ID,
            "LEUKOLENS_OIDC_CLIENT_SECRET": "secret",
            "LEUKOLENS_OIDC_REDIRECT_URI": f"http://127.0.0.1:{port}/oauth2callback",
            "LEUKOLENS_OIDC_COOKIE_SECRET": "a secret of more than thirty-two bytes",
        }
        with servers.page(api, log, port, **access) as address:
            yield address


def sign_in(tab: Page, email: str = identity.EMAIL) -> None:
    expect(tab.get_by_role("heading", name="Classify", exact=True)).to_have_count(0)
    tab.get_by_role("button", name="Sign in").click()
    expect(tab.get_by_text(f"Signed in as {email}")).to_be_visible()


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_a_reader_signs_in_and_the_api_gets_their_token(
    visit: Callable[..., Page], api_address: str, logs: Path, transport: str
):
    with page_with_sign_in(api_address, logs / f"sign-in-{transport}.log", transport) as address:
        tab = visit(address)
        sign_in(tab)
        upload(tab, SAMPLES / "synthetic_pre_01.png")
        expect_read(tab, 1)
        tab.get_by_role("button", name="Sign out").click()
        expect(tab.get_by_role("button", name="Sign in")).to_be_visible()


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_an_expired_sign_in_is_told_and_signing_in_again_loses_nothing(
    visit: Callable[..., Page], api_address: str, logs: Path, transport: str
):
    with page_with_sign_in(api_address, logs / f"expired-{transport}.log", transport) as address:
        tab = visit(address)
        sign_in(tab)
        upload(tab, SAMPLES / "synthetic_pre_01.png")
        expect_read(tab, 1)
        tab.locator(".lk-tile").click()
        expect_large(tab)
        tab.keyboard.press("2")
        expect(tab.locator(".lk-enter").get_by_text("You: ")).to_be_visible()
        tab.keyboard.press("Escape")
        identity.Provider.taken.clear()
        upload(tab, SAMPLES / "synthetic_pro_01.png", SAMPLES / "synthetic_early_01.png")
        expect(tab.get_by_text("3 dropped: 1 read, 2 waiting").first).to_be_visible()
        expired = tab.get_by_role("alert").filter(has_text="Your sign-in has expired. Sign in again")
        expect(expired).to_be_visible()
        open_view(tab, "Specimen report")
        expect(tab.get_by_text("No report. Your sign-in has expired.")).to_be_visible()
        open_view(tab, "Classify")
        expired.get_by_role("button", name="Sign in again").click()
        expect_read(tab, 3)
        expect(expired).to_be_hidden()
        expect(tab.locator(".lk-tile").filter(has_text="You: ")).to_have_count(1)


def test_another_reader_of_the_browser_finds_nothing_of_the_last_one(
    visit: Callable[..., Page], api_address: str, logs: Path, monkeypatch: pytest.MonkeyPatch
):
    other = "other@laboratory.example"
    with page_with_sign_in(api_address, logs / "another.log", "auto") as address:
        tab = visit(address)
        sign_in(tab)
        tab.get_by_label("Specimen", exact=True).fill("Case of the first")
        upload(tab, SAMPLES / "synthetic_pre_01.png")
        expect_read(tab, 1)
        tab.get_by_role("button", name="Sign out").click()
        expect(tab.get_by_role("button", name="Sign in")).to_be_visible()
        monkeypatch.setattr(identity.Provider, "email", other)
        sign_in(tab, other)
        upload(tab, SAMPLES / "synthetic_pro_01.png")
        expect_read(tab, 1)
        expect(tab.get_by_label("Specimen", exact=True)).to_have_value("")
        expect(tab.get_by_text("This is a new session")).to_have_count(0)
