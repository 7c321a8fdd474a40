"""What a handler returns, as the HTTP response that API Gateway makes of it (payload format 2.0)."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class InvalidAnswerError(Exception):
    """The handler returned what API Gateway would refuse with a 500."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One response; ``headers`` are in order, and a name may repeat."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


def http_answer(returned: Any) -> HttpAnswer:
    """Turn a handler's return value into an HTTP response.

    Parameters
    ----------
    returned
        A mapping with ``statusCode``, or any JSON value, which then is the body of a 200.

    Raises
    ------
    InvalidAnswerError
        When API Gateway could make no response of it.
    """
    if not (isinstance(returned, Mapping) and "statusCode" in returned):
        return HttpAnswer(200, [("content-type", "application/json")], _json(returned))
    status = returned["statusCode"]
    if not (isinstance(status, int | str) and str(status).isdecimal() and 200 <= int(status) <= 599):
        raise InvalidAnswerError(f"statusCode is {status!r}, not an integer from 200 to 599")
    headers = [(name.lower(), _header_value(value)) for name, value in (returned.get("headers") or {}).items()]
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "text/plain; charset=utf-8"))
    headers += [("set-cookie", cookie) for cookie in returned.get("cookies") or []]
    return HttpAnswer(int(status), headers, _body(returned))


def _body(returned: Mapping[str, Any]) -> bytes:
    body = returned.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        return _json(body)
    if not returned.get("isBase64Encoded"):
        return body.encode("utf-8")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidAnswerError("the body is marked as base64 but is not") from error


def _header_value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ",".join(_header_value(item) for item in value)
    return str(value)


def _json(value: Any) -> bytes:
    try:
        return json.dumps(value, allow_nan=False).encode("utf-8")
    except (TypeError, ValueError) as error:
        raise InvalidAnswerError(f"the handler returned what JSON cannot carry: {error}") from error
