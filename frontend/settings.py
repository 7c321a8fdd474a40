"""Every setting of the page's process, read from the environment in one place."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, SecretStr, TypeAdapter, ValidationError, model_validator

PREFIX = "LEUKOLENS_"
OWNED_PREFIXES = ("LEUKOLENS_API_", "LEUKOLENS_OIDC_", "LEUKOLENS_PAGE_", "LEUKOLENS_TRANSPORT")
"""Variables of these names are the page's: an unknown one is a misspelt one, and is refused."""

Transport = Literal["auto", "polling", "websocket"]


class SettingsError(ValueError):
    """The environment asks for something the page does not have; the message names the variable."""


class Settings(BaseModel):
    """Settings by name; ``api_url`` is read from ``LEUKOLENS_API_URL``, and so on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    api_url: str = "http://127.0.0.1:8000"
    api_timeout_s: float = Field(default=35.0, gt=0, description="API Gateway answers or gives up within 30 s.")

    # The page's own token (OAuth 2.0 client credentials), where nobody signs in.
    api_token_url: str | None = None
    api_client_id: str | None = None
    api_client_secret: SecretStr | None = None
    api_scope: str | None = None

    # Sign-in of people (OpenID Connect, by st.login); their own token goes to the API.
    oidc_metadata_url: str | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    oidc_redirect_uri: str | None = Field(default=None, description="https://<page>/oauth2callback")
    oidc_cookie_secret: SecretStr | None = Field(default=None, description="Signs the cookie: 32 bytes or more.")
    oidc_scope: str = "openid email profile"
    oidc_session_s: int = Field(
        default=3600, ge=60, le=86_400, description="How long a sign-in lasts: no longer than the provider's token."
    )

    page_workers: int = Field(default=4, ge=1, le=32, description="Images of one session classified at the same time.")
    page_session_mb: int = Field(default=256, ge=32, description="Image bytes that one session may hold.")
    page_total_mb: int = Field(default=1024, ge=32, description="Image bytes that all sessions together may hold.")
    page_keep_minutes: float = Field(
        default=120.0, gt=0, description="How long a session is kept after its browser's last word: a lunch break."
    )
    page_connections: int = Field(default=200, ge=1, description="Open browser tabs, of all readers together.")
    page_proxies: int = Field(
        default=0, ge=0, le=5, description="In front of the page: how far X-Forwarded-For is to be believed."
    )
    transport: Transport = "websocket"

    @property
    def signs_in(self) -> bool:
        """Whether people sign in."""
        return self.oidc_metadata_url is not None

    @model_validator(mode="after")
    def _check(self) -> Self:
        TypeAdapter(HttpUrl).validate_python(self.api_url)
        for group in (
            ("api_token_url", "api_client_id", "api_client_secret"),
            ("oidc_metadata_url", "oidc_client_id", "oidc_client_secret", "oidc_redirect_uri", "oidc_cookie_secret"),
        ):
            missing = [PREFIX + name.upper() for name in group if getattr(self, name) is None]
            if missing and len(missing) < len(group):
                raise ValueError(f"{', '.join(missing)} must be set, too")
        if self.page_total_mb < self.page_session_mb:
            raise ValueError("LEUKOLENS_PAGE_TOTAL_MB must not be below LEUKOLENS_PAGE_SESSION_MB")
        return self


def read(environment: Mapping[str, str]) -> Settings:
    """Read the settings from an environment.

    Parameters
    ----------
    environment : Mapping[str, str]
        Variable names to values; variables of other programs are ignored.

    Returns
    -------
    Settings
        The page's settings, defaults filled in.

    Raises
    ------
    SettingsError
        A variable of the page is unknown or missing, or its value is not allowed.

    Examples
    --------
    >>> read({"LEUKOLENS_API_URL": "https://api.example.org"}).api_url
    'https://api.example.org'
    """
    values = {}
    for variable, value in environment.items():
        name = variable.removeprefix(PREFIX).lower()
        if variable.startswith(PREFIX) and name in Settings.model_fields:
            values[name] = value
        elif variable.startswith(OWNED_PREFIXES):
            known = ", ".join(PREFIX + field.upper() for field in Settings.model_fields)
            raise SettingsError(f"{variable} is not a setting of the page; it has {known}")
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + str(first["loc"][0] if first["loc"] else "api_url").upper()
        raise SettingsError(f"{name}: {first['msg']}") from None


@cache
def current() -> Settings:
    """Give the settings of this process."""
    return read(os.environ)
