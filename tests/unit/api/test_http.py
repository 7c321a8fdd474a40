import base64

import pytest

from api.errors import InvalidRequest, TooLarge
from api.http import read_event, request_id_of
from tests.contract.gateway import event


def test_a_binary_body_arrives_byte_for_byte() -> None:
    body = bytes(range(256)) * 7
    request = read_event(event(body=body, content_type="Image/JPEG; q=1"), "id", 10_000)
    assert request.body == body
    assert request.media_type == "image/jpeg"


def test_a_text_body_becomes_utf_8() -> None:
    sent = event() | {"body": "Zürich", "isBase64Encoded": False}
    assert read_event(sent, "id", 100).body == "Zürich".encode()


def test_the_limit_on_a_text_body_counts_bytes() -> None:
    sent = event() | {"body": "ü" * 60, "isBase64Encoded": False}
    with pytest.raises(TooLarge, match="120 bytes"):
        read_event(sent, "id", 100)


@pytest.mark.parametrize("length", [999, 1000, 1001, 1002])
def test_the_byte_limit_is_exact_whatever_the_padding(length: int) -> None:
    sent = event(body=b"x" * length)
    assert len(read_event(sent, "id", length).body) == length
    with pytest.raises(TooLarge, match=f"{length} bytes.*/v1/uploads"):
        read_event(sent, "id", length - 1)


@pytest.mark.parametrize("body", ["not base64!", "YWJj\x00", "YWJ", "Zürich=="])
def test_malformed_base64_is_the_requests_fault(body: str) -> None:
    with pytest.raises(InvalidRequest):
        read_event(event() | {"body": body, "isBase64Encoded": True}, "id", 100)


@pytest.mark.parametrize("raw", ["%ff%fe", "&&&==&", "explain", "a=%zz", "=", "💉=1"])
def test_weird_query_strings_are_read_as_something(raw: str) -> None:
    assert isinstance(read_event(event(query=raw), "id", 100).query, dict)


def test_a_query_of_very_many_fields_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        read_event(event(query="a=1&" * 500), "id", 100)


@pytest.mark.parametrize(
    ("query", "expected"), [("", False), ("explain=true", True), ("explain=TRUE", True), ("explain=0", False)]
)
def test_a_flag_is_read(query: str, *, expected: bool) -> None:
    assert read_event(event(query=query), "id", 100).flag("explain") is expected


def test_a_flag_that_is_neither_is_refused_by_name() -> None:
    with pytest.raises(InvalidRequest, match="explain takes true or false"):
        read_event(event(query="explain=perhaps"), "id", 100).flag("explain")


def test_the_gateways_request_id_is_kept_unless_unfit_for_a_key() -> None:
    assert request_id_of(event(request_id="JKJaXmPLvHcESHA=")) == "JKJaXmPLvHcESHA="
    for unfit in ("../../etc", "", "a" * 200, "a b"):
        made = request_id_of(event(request_id=unfit))
        assert len(made) == 32
        assert made != request_id_of(event(request_id=unfit))


def test_standard_base64_of_the_gateway_is_read() -> None:
    data = b"\xfb\xff\xfe" * 10  # '+' and '/' in the standard alphabet
    assert "/" in base64.b64encode(data).decode()
    assert read_event(event(body=data), "id", 100).body == data
