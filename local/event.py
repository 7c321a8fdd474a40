"""An HTTP request as the event that API Gateway sends to Lambda: HTTP API, payload format 2.0.

The rules are those of the real gateway, which its documentation leaves partly open:
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

Pairs = Iterable[tuple[str, str]]

ACCOUNT_ID = "000000000000"
API_ID = "local"
# What the real gateway hands over as text; everything else is base64, forms and a missing type included
# (measured against AWS: https://github.com/ministackorg/ministack/pull/766).
_TEXT_TYPES = frozenset({"application/json", "application/xml", "application/javascript"})
# strftime's %b follows the locale; the gateway's month names do not.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def http_event(
    method: str,
    path: str,
    query: str = "",
    headers: Mapping[str, str] | Pairs = (),
    body: bytes = b"",
    *,
    source_ip: str = "127.0.0.1",
    protocol: str = "HTTP/1.1",
    at: datetime | None = None,
) -> dict[str, Any]:
    """Build the event of one request.

    Parameters
    ----------
    method
        As on the request line.
    path
        As on the request line, percent-encoded; the event holds it decoded, as the gateway's does.
    query
        What follows the question mark, percent-encoded.
    headers
        A mapping, or pairs where a name repeats.
    body
        The raw bytes; empty when there is none.
    source_ip, protocol
        Of the connection.
    at
        When the request came; now, if left out.

    Returns
    -------
    dict
        Holds nothing that JSON cannot carry.

    Examples
    --------
    >>> event = http_event("POST", "/v1/predictions", "explain=true", {"Content-Type": "image/png"}, b"PNG")
    >>> event["body"], event["isBase64Encoded"], event["queryStringParameters"]
    ('UE5H', True, {'explain': 'true'})
    """
    joined, cookies = _headers(headers)
    decoded_path = unquote(path)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": decoded_path,
        "rawQueryString": query,
        "headers": joined,
        "requestContext": _context(method, decoded_path, joined, source_ip, protocol, at or datetime.now(UTC)),
        "isBase64Encoded": False,
    }
    # The gateway leaves these out rather than send them empty.
    if cookies:
        event["cookies"] = cookies
    if query:
        event["queryStringParameters"] = _join(parse_qsl(query, keep_blank_values=True))
    if body:
        event["isBase64Encoded"] = not is_text(joined.get("content-type", ""))
        event["body"] = (
            base64.b64encode(body).decode("ascii") if event["isBase64Encoded"] else body.decode("utf-8", "replace")
        )
    return event


def is_text(content_type: str) -> bool:
    """Tell whether the gateway hands a body of this type over as text."""
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type.startswith("text/") or media_type in _TEXT_TYPES


def _headers(headers: Mapping[str, str] | Pairs) -> tuple[dict[str, str], list[str]]:
    pairs = [(name.lower(), value) for name, value in (headers.items() if isinstance(headers, Mapping) else headers)]
    cookies = [
        cookie.strip() for name, value in pairs if name == "cookie" for cookie in value.split(";") if cookie.strip()
    ]
    return _join((name, value) for name, value in pairs if name != "cookie"), cookies


def _join(pairs: Pairs) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _context(
    method: str, path: str, headers: Mapping[str, str], source_ip: str, protocol: str, at: datetime
) -> dict[str, Any]:
    domain = headers.get("host", "localhost")
    return {
        "accountId": ACCOUNT_ID,
        "apiId": API_ID,
        "domainName": domain,
        "domainPrefix": domain.partition(".")[0],
        "http": {
            "method": method,
            "path": path,
            "protocol": protocol,
            "sourceIp": source_ip,
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": str(uuid.uuid4()),
        "routeKey": "$default",
        "stage": "$default",
        "time": f"{at.day:02d}/{_MONTHS[at.month - 1]}/{at.year}:{at:%H:%M:%S} +0000",
        "timeEpoch": int(at.timestamp() * 1000),
    }
