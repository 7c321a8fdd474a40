"""Bearer tokens: one that the caller has, or one fetched by OAuth 2.0 client credentials and kept until it ages."""

import threading
import time
from collections.abc import Callable, Generator
from typing import Self

import httpx
from pydantic import BaseModel, ValidationError

from .errors import AuthenticationError

REFRESH_EARLY_S = 60.0
_DEFAULT_LIFETIME_S = 300.0  # RFC 6749 only recommends expires_in


class _Token(BaseModel):
    access_token: str
    expires_in: float = _DEFAULT_LIFETIME_S


class BearerToken(httpx.Auth):
    """A token that the caller has, such as that of a person who signed in.

    Parameters
    ----------
    token
        The token, or what gives the one of the moment.
    """

    def __init__(self, token: str | Callable[[], str]) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign one request."""
        token = self._token() if callable(self._token) else self._token
        request.headers["authorization"] = f"Bearer {token}"
        yield request


class ClientCredentials(httpx.Auth):
    """Fetches a token for a machine (RFC 6749, section 4.4), keeps it, and renews it before it expires.

    Safe to share between threads: one of them fetches, the others wait for it.

    Parameters
    ----------
    token_url
        The token endpoint, such as ``https://<domain>.auth.<region>.amazoncognito.com/oauth2/token``.
    client_id, client_secret
        Sent by HTTP basic authentication.
    scope
        Scopes, separated by blanks; None asks for the client's default ones.
    timeout_s
        For one call of the token endpoint.
    """

    def __init__(
        self, token_url: str, client_id: str, client_secret: str, *, scope: str | None = None, timeout_s: float = 10.0
    ) -> None:
        self._token_url = token_url
        self._form = {"grant_type": "client_credentials", **({"scope": scope} if scope else {})}
        # A transport of its own that tries a lost connection again.
        self._http = httpx.Client(
            auth=httpx.BasicAuth(client_id, client_secret), timeout=timeout_s, transport=httpx.HTTPTransport(retries=2)
        )
        self._lock = threading.Lock()
        self._token: str | None = None
        self._renew_at_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to the token endpoint."""
        self._http.close()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign one request; when the service no longer takes the token, fetch another, once."""
        token = self.token()
        request.headers["authorization"] = f"Bearer {token}"
        response = yield request
        if response.status_code == 401:
            request.headers["authorization"] = f"Bearer {self.token(refused=token)}"
            yield request

    def token(self, *, refused: str | None = None) -> str:
        """Give a token that will be valid for a while.

        Parameters
        ----------
        refused
            A token that the service did not take: it is replaced, unless another thread already did.

        Raises
        ------
        AuthenticationError
            When the endpoint cannot be reached or gives none.
        """
        with self._lock:
            if self._token is None or self._token == refused or time.monotonic() >= self._renew_at_s:
                fetched = self._fetch()
                self._token = fetched.access_token
                # Never later than half its life, so that a short one is not renewed for every request.
                early_s = min(REFRESH_EARLY_S, fetched.expires_in / 2)
                self._renew_at_s = time.monotonic() + fetched.expires_in - early_s
            return self._token

    def _fetch(self) -> _Token:
        try:
            response = self._http.post(self._token_url, data=self._form)
        except httpx.HTTPError as error:
            raise AuthenticationError(f"The token endpoint {self._token_url} gave no answer: {error}") from error
        if response.is_error:
            raise AuthenticationError(
                f"The token endpoint {self._token_url} refused (status {response.status_code}): {_reason(response)}."
                " Check the client id, the secret and the scope."
            )
        try:
            return _Token.model_validate_json(response.content)
        except ValidationError as error:
            raise AuthenticationError(f"The token endpoint {self._token_url} sent no access_token.") from error


def _reason(response: httpx.Response) -> str:
    try:
        return str(response.json()["error"])
    except (ValueError, KeyError, TypeError):
        return response.reason_phrase
