"""A door before the emulator's S3 that refuses what IAM would: each function asks by a key of its own.

The emulator allows everything. Here a request is read as IAM sees it (action, resource, conditions), judged by the
policies of the function's role as they were deployed, and answered 403, or handed on.
"""

import http.client
import re
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from infra.rehearsal.account import Account, Request, allows
from infra.rehearsal.emulator import Emulator

_TIMEOUT_S = 120.0
# In the header of a signed request, and in the form of a presigned one.
_SIGNED = re.compile(r"Credential=([^/,\s]+)/")
_FORM = re.compile(rb'name="(?:x-amz-credential|X-Amz-Credential)"\r\n\r\n([^/]+)/')
_FORM_KEY = re.compile(rb'name="key"\r\n\r\n([^\r]+)\r\n')
_DELETED = re.compile(r"<Object>(.*?)</Object>", re.DOTALL)
_HOP = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive"})


class Gateway:
    """The door; a context manager.

    Parameters
    ----------
    emulator
        What is behind it.

    Attributes
    ----------
    allowed, refused
        How often each function was, by ``function action``.
    """

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.allowed: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self._statements: dict[str, list[dict[str, Any]]] = {}
        self._buckets: dict[str, str] = {}
        self._key = ""
        self._server = _Server(self)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def endpoint(self) -> str:
        """Address of S3, for functions."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def learn(self, account: Account, buckets: dict[str, str]) -> None:
        """Take the policies of what is deployed now.

        Parameters
        ----------
        account
            Of the templates.
        buckets
            Names in the emulator, by those in ``account``.
        """
        self._buckets = {there: here for here, there in buckets.items()}
        self._key = account.arn("AWS::KMS::Key", "Key")
        self._statements = dict(account.function_policies())

    def judge(self, function: str, asked: list[Request]) -> str | None:
        """Count requests of a function, and give the first that is refused."""
        statements = self._statements.get(function, [])
        for request in asked:
            if not allows(statements, request):
                self.refused[f"{function} {request.action}"] += 1
                return f"{function} may not {request.action} on {request.resource}"
            self.allowed[f"{function} {request.action}"] += 1
        return None

    def read(self, method: str, path: str, body: bytes) -> list[Request]:
        """Give what IAM is asked for a request to S3 in path style."""
        parts = urlsplit(path)
        bucket, _, key = unquote(parts.path.lstrip("/")).partition("/")
        query = parse_qs(parts.query, keep_blank_values=True)
        arn = f"arn:aws:s3:::{self._buckets.get(bucket, bucket)}"
        if key:
            return [*self._on_object(method, f"{arn}/{key}", query)]
        if method == "POST" and "delete" in query:
            return [_deleted(arn, found) for found in _DELETED.findall(body.decode("utf-8", "replace"))]
        if method == "POST" and (found := _FORM_KEY.search(body)):
            return [*self._on_object("PUT", f"{arn}/{found[1].decode()}", {})]
        action = "ListBucketVersions" if "versions" in query else "ListBucket"
        context = {"s3:prefix": query["prefix"][0]} if "prefix" in query else {}
        return [Request(f"s3:{action}", arn, context)]

    def _on_object(self, method: str, arn: str, query: dict[str, list[str]]) -> Iterator[Request]:
        if method == "DELETE":
            kind = "AbortMultipartUpload" if "uploadId" in query else "DeleteObject"
            yield Request(f"s3:{kind}{'Version' if 'versionId' in query else ''}", arn)
        elif method in ("PUT", "POST"):
            yield Request("s3:PutObject", arn)
            yield Request("kms:GenerateDataKey", self._key)
        else:
            yield Request("s3:GetObject", arn)
            yield Request("kms:Decrypt", self._key)


def _deleted(bucket: str, xml: str) -> Request:
    key = re.search(r"<Key>(.*?)</Key>", xml, re.DOTALL)
    version = "Version" if "<VersionId>" in xml else ""
    return Request(f"s3:DeleteObject{version}", f"{bucket}/{key[1] if key else ''}")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _pass(self) -> None:
        gateway = self.server.gateway
        body = self._body()
        function = self._function(body)
        if (why := gateway.judge(function, gateway.read(self.command, self.path, body))) is not None:
            text = f"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>{escape(why)}</Message></Error>"
            self._reply(403, [("Content-Type", "application/xml")], text.encode())
            return
        there = http.client.HTTPConnection("127.0.0.1", gateway.emulator.port, timeout=_TIMEOUT_S)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
        there.request(self.command, self.path, body, headers | {"Content-Length": str(len(body))})
        answer = there.getresponse()
        self._reply(answer.status, answer.getheaders(), answer.read())
        there.close()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass  # noqa: N815 - the library's names

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _function(self, body: bytes) -> str:
        """Say who asks: functions sign by their own names."""
        if found := _SIGNED.search(self.headers.get("Authorization", "")):
            return found[1]
        query = parse_qs(urlsplit(self.path).query)
        if named := query.get("X-Amz-Credential"):
            return named[0].partition("/")[0]
        form = _FORM.search(body)
        return form[1].decode() if form else "nobody"

    def _reply(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        length = len(body)
        for name, value in headers:
            if name.lower() == "content-length" and self.command == "HEAD":
                length = int(value)
            elif name.lower() not in _HOP | {"date", "server"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Say nothing: the steps report."""
