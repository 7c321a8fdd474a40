"""What API Gateway sends for an HTTP request, and a reader of what the function answers."""

import base64
import json
from dataclasses import dataclass
from typing import Any

from local.event import http_event


def event(
    method: str = "POST",
    path: str = "/v1/predictions",
    *,
    body: bytes | None = None,
    content_type: str | None = None,
    query: str = "",
    headers: dict[str, str] | None = None,
    request_id: str = "JKJaXmPLvHcESHA=",
) -> dict[str, Any]:
    """Build the event of a request; a body travels as base64 whatever its type, so that any bytes can be sent."""
    sent = {"host": "api.example.org", **(headers or {})}
    if content_type is not None:
        sent["content-type"] = content_type
    built = http_event(method, path, query, sent, source_ip="192.0.2.1")
    built["requestContext"]["requestId"] = request_id
    if body is not None:
        built |= {"isBase64Encoded": True, "body": base64.b64encode(body).decode()}
    return built


def multipart(content: bytes, field: str = "file", boundary: str = "xyz") -> tuple[bytes, str]:
    """Build a form with one file: the body and its content type."""
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="secret-name.jpg"\r\n\r\n'
    return head.encode() + content + f"\r\n--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


@dataclass(frozen=True)
class Answered:
    """One response, its JSON read."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def problem(self) -> str:
        """The last word of the problem's type; checks that the answer is a whole problem+json."""
        assert self.headers["Content-Type"] == "application/problem+json"
        assert self.body["status"] == self.status
        assert self.body["title"]
        assert self.body["detail"]
        prefix, _, name = self.body["type"].rpartition(":")
        assert prefix == "urn:leukolens:problem"
        return name


def read(response: dict[str, Any]) -> Answered:
    """Read what the function returned."""
    return Answered(response["statusCode"], response["headers"], json.loads(response["body"]))
