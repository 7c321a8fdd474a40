"""Client credentials against a token endpoint and an API that are real HTTP servers."""

import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs

import pytest

from client import AuthenticationError, ClientCredentials, LeukolensClient, NotAllowedError, RetryPolicy
from client.settings import SettingsError, read_access

from .scripted import Reply, Scripted

Script = Callable[..., Scripted]
HEALTHY = Reply(200, b'{"status": "ok", "model": {"version": "1", "sha256": "%s"}}' % (b"0" * 64))


def token(name: str, expires_in: float = 3600) -> Reply:
    return Reply(200, json.dumps({"access_token": name, "expires_in": expires_in, "token_type": "Bearer"}).encode())


def test_a_token_is_fetched_once_and_kept(scripted: Script):
    endpoint, api = scripted(token("first"), token("second")), scripted(HEALTHY)
    with (
        ClientCredentials(endpoint.url, "id", "secret", scope="smears/predict") as auth,
        LeukolensClient(api.url, auth=auth) as leukolens,
    ):
        for _ in range(3):
            leukolens.health()
    assert [request.headers["authorization"] for request in api.seen] == ["Bearer first"] * 3
    (asked,) = endpoint.seen
    assert parse_qs(asked.body.decode()) == {"grant_type": ["client_credentials"], "scope": ["smears/predict"]}
    assert asked.headers["authorization"] == "Basic " + base64.b64encode(b"id:secret").decode()


def test_a_token_is_renewed_before_it_expires(scripted: Script):
    # Half of its life is over at once.
    endpoint, api = scripted(token("first", expires_in=0), token("second")), scripted(HEALTHY)
    with ClientCredentials(endpoint.url, "id", "secret") as auth, LeukolensClient(api.url, auth=auth) as leukolens:
        leukolens.health()
        leukolens.health()
    assert [request.headers["authorization"] for request in api.seen] == ["Bearer first", "Bearer second"]


def test_a_token_that_is_no_longer_taken_is_replaced_once(scripted: Script):
    endpoint, api = scripted(token("first"), token("second")), scripted(Reply(401), HEALTHY)
    with ClientCredentials(endpoint.url, "id", "secret") as auth, LeukolensClient(api.url, auth=auth) as leukolens:
        leukolens.health()
    assert [request.headers["authorization"] for request in api.seen] == ["Bearer first", "Bearer second"]


def test_a_client_that_may_not_is_told(scripted: Script):
    endpoint, api = scripted(token("a"), token("b")), scripted(Reply(401))
    with (
        ClientCredentials(endpoint.url, "id", "secret") as auth,
        LeukolensClient(api.url, auth=auth) as leukolens,
        pytest.raises(NotAllowedError),
    ):
        leukolens.health()
    assert len(api.seen) == 2


def test_threads_fetch_one_token_together(scripted: Script):
    endpoint, api = scripted(token("first")), scripted(HEALTHY)
    with (
        ClientCredentials(endpoint.url, "id", "secret") as auth,
        LeukolensClient(api.url, auth=auth) as leukolens,
        ThreadPoolExecutor(8) as pool,
    ):
        list(pool.map(lambda _: leukolens.health(), range(16)))
    assert len(endpoint.seen) == 1


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(400, b'{"error": "invalid_client"}'), "invalid_client"),
        (Reply(500), "500"),
        (Reply(200), "no access_token"),
    ],
)
def test_an_endpoint_without_a_token_is_told(scripted: Script, reply: Reply, message: str):
    endpoint, api = scripted(reply), scripted(HEALTHY)
    with (
        ClientCredentials(endpoint.url, "id", "secret") as auth,
        LeukolensClient(api.url, auth=auth) as leukolens,
        pytest.raises(AuthenticationError, match=message) as caught,
    ):
        leukolens.health()
    assert "secret" not in str(caught.value).replace("the secret", "")
    assert api.seen == []


def test_a_token_endpoint_that_is_away_is_told(scripted: Script):
    with (
        ClientCredentials("http://127.0.0.1:9/token", "id", "secret") as auth,
        LeukolensClient(scripted(HEALTHY).url, auth=auth, retry=RetryPolicy(attempts=1)) as leukolens,
        pytest.raises(AuthenticationError, match="gave no answer"),
    ):
        leukolens.health()


def test_a_token_and_auth_together_are_refused():
    with ClientCredentials("http://127.0.0.1:9", "id", "secret") as auth, pytest.raises(ValueError, match="not both"):
        LeukolensClient("http://127.0.0.1:9", token="t", auth=auth)


def test_access_comes_from_the_environment():
    assert read_access({"HOME": "/root"}).auth() is None
    assert read_access({"LEUKOLENS_CLIENT_TOKEN": "t"}).auth() is not None
    names = {
        "LEUKOLENS_CLIENT_TOKEN_URL": "http://127.0.0.1:9",
        "LEUKOLENS_CLIENT_ID": "i",
        "LEUKOLENS_CLIENT_SECRET": "s",
    }
    assert isinstance(read_access(names).auth(), ClientCredentials)


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"LEUKOLENS_CLIENT_TOKN": "t"}, "LEUKOLENS_CLIENT_TOKN"),
        ({"LEUKOLENS_CLIENT_ID": "i", "LEUKOLENS_CLIENT_SECRET": "s"}, "LEUKOLENS_CLIENT_TOKEN_URL"),
    ],
)
def test_a_wrong_environment_is_named(environment: dict[str, str], named: str):
    with pytest.raises(SettingsError, match=named):
        read_access(environment)
