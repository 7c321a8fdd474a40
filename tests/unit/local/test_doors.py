"""A server on a laptop is for whoever sits there: no website reads from it or writes to it."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from local.server import application
from tests.serving import running


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        return {"statusCode": 200, "body": "done"}

    with running(application(handler, tmp_path_factory.mktemp("objects"), ["Lab-1.example"])) as address:
        yield address


@pytest.mark.parametrize("host", ["elsewhere.example", "127.0.0.1.elsewhere.example", "localhost.evil", "", "a:b:c"])
def test_another_host_is_not_served(http: httpx.Client, url: str, host: str) -> None:
    for path in ("/v1/health", "/_local/uploads"):
        answer = http.post(url + path, headers={"host": host}, content=b"x")
        assert (answer.status_code, answer.json()["type"]) == (421, "urn:leukolens:problem:wrong-host")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost:{port}", "LOCALHOST", "[::1]:{port}", "192.168.1.7", "lab-1.example"]
)
def test_this_machines_own_names_are_served(http: httpx.Client, url: str, host: str) -> None:
    headers = {"host": host.format(port=urlsplit(url).port)}
    assert http.get(f"{url}/v1/health", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://elsewhere.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1"},  # another port is another origin
        {"origin": "http://192.168.1.66"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_page_of_another_origin_is_not_served(http: httpx.Client, url: str, headers: dict[str, str]) -> None:
    answer = http.post(f"{url}/v1/feedback", headers={"content-type": "text/plain", **headers}, content=b"{}")
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:leukolens:problem:not-allowed")


def test_a_page_of_its_own_is(http: httpx.Client, url: str) -> None:
    headers = {"origin": url, "sec-fetch-site": "same-origin"}
    assert http.post(f"{url}/v1/feedback", headers=headers, content=b"{}").status_code == 200
