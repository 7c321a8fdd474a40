"""Whatever calls the function: a ping is answered, what waits is told, records are never taken for done."""

from typing import Any

import pytest
from settings import Settings

from api.app import Application
from api.events import UnknownEventError
from tests.contract.gateway import event, read


@pytest.fixture(scope="module")
def application() -> Application:
    return Application(Settings())


@pytest.mark.parametrize(
    "ping",
    [{"ping": True}, {"warmup": True}, {"source": "serverless-plugin-warmup"}, {"source": "aws.events", "detail": {}}],
)
def test_a_ping_is_answered(application: Application, ping: dict[str, Any]) -> None:
    assert application(ping, None)["statusCode"] == 200


@pytest.mark.parametrize(
    "other",
    [
        {},
        None,
        [],
        "text",
        {"requestContext": None},
        {"requestContext": {"elb": {}}, "httpMethod": "GET", "path": "/secret.png"},
        {"requestContext": {"stage": "x"}, "httpMethod": "GET", "path": "/secret.png", "resource": "/"},
        {"requestContext": {"http": {"method": 5}}, "rawPath": "/secret.png"},
        {"version": "2.0", "rawPath": "/secret.png"},
    ],
)
def test_what_waits_for_an_answer_is_told_what_is_wrong(application: Application, other: Any) -> None:
    answered = read(application(other, None))
    assert (answered.status, answered.problem) == (400, "invalid-request")
    assert "secret" not in str(answered.body)


@pytest.mark.parametrize("source", ["aws:s3", "aws:sqs"])
def test_records_are_refused_by_one_clear_error(application: Application, source: str) -> None:
    with pytest.raises(UnknownEventError, match="HTTP API") as told:
        application({"Records": [{"eventSource": source, "body": "secret.png"}]}, None)
    assert "secret" not in str(told.value)


def test_a_query_value_of_null_is_none(application: Application) -> None:
    sent = event("GET", "/v1/health")
    sent.pop("rawQueryString", None)
    assert read(application({**sent, "queryStringParameters": {"deep": None}}, None)).status == 200
    assert read(application({**sent, "queryStringParameters": None}, None)).status == 200


@pytest.mark.parametrize("path", ["/openapiXjson", "/openapi.json.", "/v1/healthz"])
def test_a_dot_in_a_route_is_a_dot(application: Application, path: str) -> None:
    answered = read(application(event("GET", path), None))
    assert (answered.status, answered.problem) == (404, "not-found")
