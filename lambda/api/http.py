"""One HTTP request, read from an API Gateway v2 event, and an answer with a status of its own."""

import base64
import binascii
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from pydantic import BaseModel

from .errors import InvalidRequest, TooLarge

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_=-]{0,127}")
_MAX_QUERY_FIELDS: Final = 100
_MAX_SUBJECT: Final = 200
_NUMBER: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{0,12})?([eE]-?[0-9]{1,2})?")
_TRUE: Final = frozenset({"true", "1", "yes"})
_FALSE: Final = frozenset({"false", "0", "no", ""})


@dataclass(frozen=True)
class Incoming:
    """What a caller sent.

    Attributes
    ----------
    request_id
        The gateway's own, so that its access log and ours can be joined.
    headers
        By lower-case name.
    query
        By name; the last of a repeated one.
    body
        Decoded bytes.
    subject
        Whose token the gateway saw: its subject, or the machine client's id; empty without one.
    """

    request_id: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    subject: str = ""

    @property
    def media_type(self) -> str:
        """Type and subtype of ``Content-Type``, lower case; empty without the header."""
        return self.headers.get("content-type", "").split(";")[0].strip().lower()

    def flag(self, name: str) -> bool:
        """Read a boolean query parameter; absent is false.

        Raises
        ------
        InvalidRequest
            Where it is neither true nor false.
        """
        text = self.query.get(name, "").strip().lower()
        if text not in _TRUE | _FALSE:
            raise InvalidRequest(f"Query parameter {name} takes true or false.")
        return text in _TRUE

    def number(self, name: str, least: float, most: float) -> float | None:
        """Read a number from the query; absent or empty is None.

        Raises
        ------
        InvalidRequest
            Where it is no number from ``least`` to ``most``.
        """
        text = self.query.get(name, "").strip()
        if not text:
            return None
        value = float(text) if _NUMBER.fullmatch(text) else -1.0
        if not least <= value <= most:
            raise InvalidRequest(f"Query parameter {name} takes a number from {least:g} to {most:g}.")
        return value


def request_id_of(event: Mapping[str, Any]) -> str:
    """Give the gateway's request id, or a new one if that is missing or unfit for a storage key."""
    request_id = str((event.get("requestContext") or {}).get("requestId") or "")
    return request_id if _REQUEST_ID.fullmatch(request_id) else uuid.uuid4().hex


def read_event(event: Mapping[str, Any], request_id: str, max_body_bytes: int) -> Incoming:
    """Read a request from API Gateway's event.

    Parameters
    ----------
    event
        API Gateway HTTP API event, payload format 2.0.
    request_id
        Of ``request_id_of``.
    max_body_bytes
        Limit on the decoded body, checked before decoding.

    Returns
    -------
    Incoming
        With the body as bytes.

    Raises
    ------
    InvalidRequest
        For a body or query string that cannot be decoded.
    TooLarge
        For a body over the limit.
    """
    headers = {str(name).lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    return Incoming(request_id, headers, _query(event), _body(event, max_body_bytes), _subject(event))


def _subject(event: Mapping[str, Any]) -> str:
    context: Any = event.get("requestContext")
    for name in ("authorizer", "jwt", "claims"):
        context = context.get(name) if isinstance(context, Mapping) else None
    claims = context if isinstance(context, Mapping) else {}
    return str(claims.get("sub") or claims.get("client_id") or "")[:_MAX_SUBJECT]


def _query(event: Mapping[str, Any]) -> dict[str, str]:
    raw = event.get("rawQueryString")
    if raw is None:
        return {str(name): str(value or "") for name, value in (event.get("queryStringParameters") or {}).items()}
    try:
        return dict(parse_qsl(raw, keep_blank_values=True, max_num_fields=_MAX_QUERY_FIELDS))
    except ValueError as error:
        raise InvalidRequest(f"The query string has more than {_MAX_QUERY_FIELDS} fields.") from error


def _body(event: Mapping[str, Any], max_body_bytes: int) -> bytes:
    text = str(event.get("body") or "")
    if not event.get("isBase64Encoded"):
        body = text.encode("utf-8", errors="surrogatepass")
        _check_size(len(body), max_body_bytes)
        return body
    # Checked before decoding: four characters carry three bytes, less the padding.
    _check_size(len(text) * 3 // 4 - text[-2:].count("="), max_body_bytes)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest("The event's body says that it is base64, and is not.") from error


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise TooLarge(
            f"The body has {size} bytes, more than the limit of {limit}: send a large image through POST /v1/uploads."
        )


@dataclass(frozen=True)
class Reply:
    """What an endpoint returns where 200 is not right."""

    status: int
    body: BaseModel
