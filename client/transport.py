"""One HTTP exchange with the service: signed, retried, and an error of a known type when it fails."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from .errors import InvalidAnswerError, UnreachableError, service_error
from .retry import RetryPolicy

Model = TypeVar("Model", bound=BaseModel)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Transport:
    """Sends requests and tries again as its policy says. Safe to share between threads.

    Parameters
    ----------
    http
        Holds base address, time-outs, connections and authentication.
    retry
        When to try again.
    sleep
        Waits, in seconds.
    """

    http: httpx.Client
    retry: RetryPolicy
    sleep: Callable[[float], None] = time.sleep

    def exchange(self, method: str, url: str, **arguments: Any) -> httpx.Response:
        """Send a request until it is answered, refused, or given up.

        Parameters
        ----------
        method, url
            Of the request; the URL may be relative to the service's.
        arguments
            Of ``httpx.Client.request``; no streams, which a second try could not send again.

        Returns
        -------
        httpx.Response
            A success (2xx), read whole.

        Raises
        ------
        ServiceError
            For an answer of 400 or more.
        UnreachableError
            When no answer came.
        InvalidAnswerError
            For a redirect, which the API never sends.
        """
        attempt = 0
        while True:
            attempt += 1
            response, failure = self._try(method, url, arguments)
            if response is not None and response.is_success:
                return response
            if response is not None and not response.is_error:
                raise InvalidAnswerError(f"{response.url} answered {response.status_code}: is it the API's address?")
            wait_s = self.retry.wait_s(attempt, response)
            if wait_s is not None:
                self.sleep(wait_s)
            elif response is not None:
                raise service_error(response)
            else:
                raise UnreachableError(
                    f"No answer from {self.http.base_url} in {attempt} tries: {str(failure) or type(failure).__name__}."
                    " Check the address, and that the service runs."
                ) from failure

    def _try(
        self, method: str, url: str, arguments: Mapping[str, Any]
    ) -> tuple[httpx.Response | None, Exception | None]:
        try:
            return self.http.request(method, url, **arguments), None
        except httpx.TransportError as error:
            return None, error


def connect(base_url: str, *, auth: httpx.Auth | None, timeout_s: float, max_connections: int) -> httpx.Client:
    """Make the HTTP client of one service.

    Raises
    ------
    ValueError
        When ``base_url`` is not an http(s) address.
    """
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as error:
        raise ValueError(f"The service's address {base_url!r} is not a URL: {error}") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError(f"The service's address {base_url!r} must start with http:// or https:// and name a host.")
    return httpx.Client(
        base_url=url,
        auth=auth,
        timeout=httpx.Timeout(timeout_s, connect=min(5.0, timeout_s)),
        limits=httpx.Limits(max_connections=max_connections, max_keepalive_connections=max_connections),
        headers={"user-agent": "leukolens-client", "accept": "application/json, application/problem+json"},
        # A proxy of the environment cannot reach this machine's own addresses.
        trust_env=url.host not in _LOOPBACK,
    )


def parse(response: httpx.Response, model: type[Model]) -> Model:
    """Read a typed answer.

    Raises
    ------
    InvalidAnswerError
        When it is not one.
    """
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        raise InvalidAnswerError(
            f"{response.url} sent no {model.__name__}: {error.error_count()} fields do not fit. Is it the API's"
            " address, and of this client's version?"
        ) from error
