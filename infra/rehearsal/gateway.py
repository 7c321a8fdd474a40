"""A door before the emulator that refuses what IAM would: each function, and each workflow's role, asks by its own key.

The emulator allows everything. Here a request is read as IAM sees it (action, resource, conditions), judged by the
policies of whoever asks as they were deployed, and answered 403, or handed on. Of functions, S3 alone comes by; of a
workflow's role, whatever the CDK's CLI asks in its name.
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

from infra.rehearsal.account import ID, Account, Request, allows
from infra.rehearsal.emulator import ACCOUNT as EMULATED_ACCOUNT
from infra.rehearsal.emulator import Emulator

_TIMEOUT_S = 120.0
# In the header of a signed request, and in the form of a presigned one.
_SIGNED = re.compile(r"Credential=([^/,\s]+)/\d+/[^/]*/(\w+)/")
_FORM = re.compile(rb'name="(?:x-amz-credential|X-Amz-Credential)"\r\n\r\n([^/]+)/')
_FORM_KEY = re.compile(rb'name="key"\r\n\r\n([^\r]+)\r\n')
_DELETED = re.compile(r"<Object>(.*?)</Object>", re.DOTALL)
# Keys that STS gives out begin so: of a role that was taken on, by a call that was judged.
_TEMPORARY = "ASIA"
# Which IAM lets everybody do.
_FREE = frozenset({"GetCallerIdentity"})
_BOOTSTRAP_ROLE = re.compile(r"role/cdk-[a-z0-9]+-(.+?)-role-\d{12}-")
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
        How often each function, or role, was: by ``name action``.
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
        """Address of S3 for functions, and of all that is emulated for a workflow's role."""
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
        self._statements = {**dict(account.function_policies()), **dict(account.workflow_policies())}

    def judge(self, who: str, requests: list[Request]) -> str | None:
        """Count requests of a function or a role, and give the first that is refused."""
        statements = self._statements.get(who, [])
        for request in requests:
            if not allows(statements, request):
                self.refused[f"{who} {request.action}"] += 1
                return f"{who} may not {request.action} on {request.resource}"
            self.allowed[f"{who} {request.action}"] += 1
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
            return [_deleted(arn, xml) for xml in _DELETED.findall(body.decode("utf-8", "replace"))]
        if method == "POST" and (match := _FORM_KEY.search(body)):
            return [*self._on_object("PUT", f"{arn}/{match[1].decode()}", {})]
        action = "ListBucketVersions" if "versions" in query else "ListBucket"
        context = {"s3:prefix": query["prefix"][0]} if "prefix" in query else {}
        return [Request(f"s3:{action}", arn, context)]

    def read_call(self, service: str, target: str, body: bytes) -> list[Request]:
        """Give what IAM is asked for a request to another service, in its query or JSON protocol.

        Parameters
        ----------
        target
            The header ``X-Amz-Target``, which names the operation in JSON's.
        """
        form = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
        operation = target.rpartition(".")[2] or form.get("Action", "?")
        if operation in _FREE:
            return []
        resource, context = "*", dict[str, str]()
        if role := form.get("RoleArn"):
            resource = role.replace(f":{EMULATED_ACCOUNT}:", f":{ID}:")
            if kind := _BOOTSTRAP_ROLE.search(role):  # which the bootstrap gives its roles as a tag
                context = {"iam:ResourceTag/aws-cdk:bootstrap-role": kind[1]}
        elif stack := form.get("StackName"):
            resource = f"arn:aws:cloudformation:{self.emulator.region}:{ID}:stack/{stack}/1"
        return [Request(f"{service}:{operation}", resource, context)]

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
        who, service = self._caller(body)
        onward = (
            gateway.read(self.command, self.path, body)
            if service == "s3"
            else gateway.read_call(service, self.headers.get("X-Amz-Target", ""), body)
        )
        if not who.startswith(_TEMPORARY) and (why := gateway.judge(who, onward)) is not None:
            error = f"<Error><Code>AccessDenied</Code><Message>{escape(why)}</Message></Error>"
            text = error if service == "s3" else f"<ErrorResponse>{error}</ErrorResponse>"
            self._reply(403, [("Content-Type", "application/xml")], f"<?xml version='1.0'?>{text}".encode())
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

    def _caller(self, body: bytes) -> tuple[str, str]:
        """Say who asks which service: functions and roles sign by their own names."""
        if match := _SIGNED.search(self.headers.get("Authorization", "")):
            return match[1], match[2]
        query = parse_qs(urlsplit(self.path).query)
        if named := query.get("X-Amz-Credential"):
            return named[0].partition("/")[0], "s3"
        form = _FORM.search(body)
        return form[1].decode() if form else "nobody", "s3"

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
