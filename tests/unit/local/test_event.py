import base64
import json
from datetime import UTC, datetime

import pytest

from local.event import http_event


def test_an_image_is_carried_whole_as_base64():
    image = bytes(range(256)) * 3
    event = http_event("POST", "/v1/predictions", headers={"Content-Type": "image/jpeg"}, body=image)
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]) == image


@pytest.mark.parametrize(
    ("content_type", "text"),
    [
        ("application/json", True),
        ("application/json; charset=utf-8", True),
        ("APPLICATION/XML", True),
        ("application/javascript", True),
        ("text/csv", True),
        ("application/problem+json", False),
        ("application/x-www-form-urlencoded", False),
        ("multipart/form-data; boundary=x", False),
        ("", False),
    ],
)
def test_only_the_gateways_text_types_come_as_text(content_type: str, text: bool):
    headers = {"content-type": content_type} if content_type else {}
    event = http_event("POST", "/", headers=headers, body="{é}".encode())
    assert event["isBase64Encoded"] is not text
    assert event["body"] == ("{é}" if text else base64.b64encode("{é}".encode()).decode())


def test_repeated_headers_are_joined_and_cookies_are_apart():
    event = http_event(
        "GET",
        "/",
        headers=[("Accept", "a"), ("X-Many", "1"), ("x-many", "2,3"), ("Cookie", "a=1; b=2"), ("cookie", "c=3")],
    )
    assert event["headers"] == {"accept": "a", "x-many": "1,2,3"}
    assert event["cookies"] == ["a=1", "b=2", "c=3"]


def test_the_query_is_given_raw_and_decoded():
    event = http_event("GET", "/", "explain=true&tag=a%2Fb&tag=c&empty=&flag")
    assert event["rawQueryString"] == "explain=true&tag=a%2Fb&tag=c&empty=&flag"
    assert event["queryStringParameters"] == {"explain": "true", "tag": "a/b,c", "empty": "", "flag": ""}


def test_the_path_is_decoded_in_both_places():
    event = http_event("GET", "/v1/a%20b%2Fc%C3%A9")
    assert event["rawPath"] == event["requestContext"]["http"]["path"] == "/v1/a b/cé"


def test_what_is_empty_is_left_out():
    event = http_event("GET", "/v1/health")
    assert {"body", "cookies", "queryStringParameters"}.isdisjoint(event)
    assert (event["rawQueryString"], event["isBase64Encoded"]) == ("", False)


def test_the_context_says_who_asked_and_when():
    event = http_event(
        "POST",
        "/v1/feedback",
        headers={"User-Agent": "curl/8", "Host": "abc.example.org"},
        source_ip="192.0.2.7",
        at=datetime(2026, 3, 2, 19, 3, 58, 390_000, UTC),
    )
    context = event["requestContext"]
    assert context["http"] == {
        "method": "POST",
        "path": "/v1/feedback",
        "protocol": "HTTP/1.1",
        "sourceIp": "192.0.2.7",
        "userAgent": "curl/8",
    }
    assert (context["time"], context["timeEpoch"]) == ("02/Mar/2026:19:03:58 +0000", 1_772_478_238_390)
    assert (context["stage"], context["routeKey"], context["domainPrefix"]) == ("$default", "$default", "abc")


def test_each_request_has_an_id_of_its_own():
    ids = {http_event("GET", "/")["requestContext"]["requestId"] for _ in range(10)}
    assert len(ids) == 10


def test_an_event_survives_json():
    event = http_event("PUT", "/%ff", "q=%ff", [("x", "\x80")], b"\xff\x00")
    assert json.loads(json.dumps(event)) == event
