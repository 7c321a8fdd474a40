import pytest

from local.answer import InvalidAnswerError, http_answer


def test_a_binary_body_is_decoded():
    answer = http_answer(
        {"statusCode": 200, "headers": {"Content-Type": "image/png"}, "body": "/wA=", "isBase64Encoded": True}
    )
    assert (answer.body, answer.headers) == (b"\xff\x00", [("content-type", "image/png")])


def test_each_cookie_becomes_a_header():
    answer = http_answer({"statusCode": 200, "cookies": ["a=1; HttpOnly", "b=2"], "body": ""})
    assert [value for name, value in answer.headers if name == "set-cookie"] == ["a=1; HttpOnly", "b=2"]


def test_header_values_become_strings():
    answer = http_answer({"statusCode": 200, "headers": {"X-Count": 3, "X-Yes": True, "Vary": ["accept", "origin"]}})
    assert dict(answer.headers).items() >= {"x-count": "3", "x-yes": "true", "vary": "accept,origin"}.items()


@pytest.mark.parametrize("returned", [{"label": "Pre"}, ["a"], "text", None])
def test_a_value_without_a_status_is_the_body_of_a_200(returned: object):
    answer = http_answer(returned)
    assert (answer.status, answer.headers) == (200, [("content-type", "application/json")])
    assert answer.body.startswith((b"{", b"[", b'"', b"null"))


@pytest.mark.parametrize(
    "returned",
    [
        {"statusCode": "teapot"},
        {"statusCode": 99},
        {"statusCode": None},
        {"statusCode": 200, "body": "%", "isBase64Encoded": True},
        {"label": float("nan")},
        object(),
    ],
)
def test_what_the_gateway_would_refuse_is_refused(returned: object):
    with pytest.raises(InvalidAnswerError):
        http_answer(returned)
