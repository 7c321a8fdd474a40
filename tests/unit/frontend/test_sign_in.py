from typing import Any

import pytest

from frontend.settings import Settings, read
from frontend.sign_in import SignInCookies, secrets

OIDC = {
    "LEUKOLENS_OIDC_METADATA_URL": "https://pool.example/.well-known/openid-configuration",
    "LEUKOLENS_OIDC_CLIENT_ID": "page",
    "LEUKOLENS_OIDC_CLIENT_SECRET": "secret",
    "LEUKOLENS_OIDC_REDIRECT_URI": "https://page.example/oauth2callback",
    "LEUKOLENS_OIDC_COOKIE_SECRET": "a secret of more than thirty-two bytes",
}
LASTS_S = 3600


def test_a_sign_in_always_proves_who_began_it() -> None:
    """PKCE: Streamlit leaves it out for a provider that does not say that it knows it, and Cognito is one."""
    asked = secrets(read(OIDC))
    assert asked is not None
    assert asked["auth"]["client_kwargs"]["code_challenge_method"] == "S256"


def test_who_does_not_sign_in_has_no_secrets() -> None:
    assert secrets(Settings()) is None


async def cookie(value: str, **headers: str) -> list[str]:
    """Give the parts of a cookie that the application sets, as the browser gets it."""
    sent: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 302, "headers": [(b"set-cookie", value.encode())]})

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "scheme": "http", "headers": [(n.encode(), v.encode()) for n, v in headers.items()]}
    await SignInCookies(application, LASTS_S)(scope, application, send)
    return str(dict(sent[0]["headers"])[b"set-cookie"].decode()).split("; ")


HTTPS = {"x-forwarded-proto": "https"}
THIRTY_DAYS = "; Path=/; HttpOnly; SameSite=lax; Max-Age=2592000"


@pytest.mark.anyio
@pytest.mark.parametrize(
    "name", ["_streamlit_user", "_streamlit_user_tokens", "_streamlit_user_1", "_streamlit_session"]
)
async def test_a_sign_in_lasts_no_longer_than_its_token_and_travels_by_https_alone(name: str) -> None:
    parts = await cookie(f"{name}=2|abc{THIRTY_DAYS}", **HTTPS)
    assert parts[0] == f"{name}=2|abc"
    assert {"Secure", "HttpOnly", "SameSite=lax", f"Max-Age={LASTS_S}"} <= set(parts)
    assert "Max-Age=2592000" not in parts


@pytest.mark.anyio
async def test_a_cookie_that_names_no_end_gets_one() -> None:
    parts = await cookie("_streamlit_user=a; Path=/; Expires=Fri, 01 Jan 2100 00:00:00 GMT")
    assert parts == ["_streamlit_user=a", "Path=/", "HttpOnly", f"Max-Age={LASTS_S}"]


@pytest.mark.anyio
async def test_signing_out_still_deletes() -> None:
    assert "Max-Age=0" in await cookie("_streamlit_user=; Path=/; Max-Age=0", **HTTPS)


@pytest.mark.anyio
async def test_on_a_laptop_without_https_a_cookie_is_not_secure() -> None:
    assert "Secure" not in await cookie(f"_streamlit_user=a{THIRTY_DAYS}")


@pytest.mark.anyio
async def test_the_cookie_that_streamlits_script_reads_stays_readable() -> None:
    parts = await cookie("_streamlit_xsrf=2|a; Path=/; SameSite=Lax", **HTTPS)
    assert "HttpOnly" not in parts
    assert "Secure" in parts


@pytest.mark.anyio
async def test_other_cookies_are_left_alone() -> None:
    assert await cookie(f"other=a{THIRTY_DAYS}", **HTTPS) == f"other=a{THIRTY_DAYS}".split("; ")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
