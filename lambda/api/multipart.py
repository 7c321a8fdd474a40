"""The file in a ``multipart/form-data`` body, parsed in memory (the image's file system is read-only)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from .errors import InvalidRequest, NothingToRead

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks


MAX_PARTS = 100
"""Fields of one form; the service reads one of them."""
FIELD = "file"


class _Parts:
    """Collects the bytes of each part by field name; a file name is never kept."""

    def __init__(self) -> None:
        self.fields: list[tuple[str, bytearray]] = []
        self.complete = False
        self._header = bytearray()
        self._value = bytearray()
        self._name = ""

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._header_end,
            "on_headers_finished": lambda: self.fields.append((self._name, bytearray())),
            "on_part_data": lambda data, start, end: self.fields[-1][1].extend(memoryview(data)[start:end]),
            "on_end": self._end,
        }

    def _begin(self) -> None:
        self._name = ""

    def _header_end(self) -> None:
        if bytes(self._header).lower() == b"content-disposition":
            _, options = parse_options_header(bytes(self._value))
            self._name = options.get(b"name", b"").decode("utf-8", errors="replace")
        self._header.clear()
        self._value.clear()

    def _end(self) -> None:
        self.complete = True


def file_field(body: bytes, content_type: str) -> bytes:
    """Give the bytes of the form's field ``file``.

    Parameters
    ----------
    body
        The whole body.
    content_type
        The header, with its boundary.

    Returns
    -------
    bytes
        As sent.

    Raises
    ------
    InvalidRequest
        For a body that is not multipart or is cut short, or for the field sent twice.
    NothingToRead
        Where the field is missing or empty.
    """
    # Pass bytes: given text, the parser refuses what is not latin-1 by an error of its own.
    _, options = parse_options_header(content_type.encode("utf-8", errors="surrogatepass"))
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise InvalidRequest(
            "Content-Type multipart/form-data needs a boundary: let the HTTP library write the header."
        )
    if body.count(b"--" + boundary) > MAX_PARTS + 1:  # counted before any is parsed, each of which takes microseconds
        raise InvalidRequest(f"The form has more than {MAX_PARTS} fields: send the image alone.")
    parts = _Parts()
    try:
        MultipartParser(boundary, parts.callbacks()).write(body)
    except FormParserError as error:
        raise InvalidRequest("The multipart body is malformed.") from error
    if not parts.complete:
        raise InvalidRequest("The multipart body is cut short: its closing boundary is missing.")
    contents = [value for name, value in parts.fields if name == FIELD]
    if len(contents) > 1:
        raise InvalidRequest(f"The form has {len(contents)} fields {FIELD!r}: send one image a request.")
    if not contents or not contents[0]:
        raise NothingToRead(f"The form has no image in its field {FIELD!r}.")
    return bytes(contents[0])
