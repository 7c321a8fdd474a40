from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.surroundings import free_port

from . import identity, servers
from .conftest import SAMPLES, expect_read, upload

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_a_reader_signs_in_and_the_api_gets_their_token(
    visit: Callable[..., Page], api_address: str, logs: Path, transport: str
):
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
        with servers.page(api, logs / f"sign-in-{transport}.log", port, **access) as address:
            tab = visit(address)
            expect(tab.get_by_role("heading", name="Classify", exact=True)).to_have_count(0)
            tab.get_by_role("button", name="Sign in").click()
            expect(tab.get_by_text(f"Signed in as {identity.EMAIL}")).to_be_visible()
            upload(tab, SAMPLES / "synthetic_pre_01.png")
            expect_read(tab, 1)
            tab.get_by_role("button", name="Sign out").click()
            expect(tab.get_by_role("button", name="Sign in")).to_be_visible()
