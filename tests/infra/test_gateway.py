"""The door of the rehearsal: what a role may do goes through, and what it may not is refused."""

import contextlib
import http.server
import threading
from types import SimpleNamespace

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from infra.config import Delivery
from infra.environments import load_environment
from infra.image import Published
from infra.rehearsal.account import ID, REGION, Account
from infra.rehearsal.gateway import Gateway
from infra.stack import Output


class _Everything(http.server.BaseHTTPRequestHandler):
    """An emulator that does whatever it is asked, and notes it."""

    protocol_version = "HTTP/1.1"

    def _answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append((self.command, self.path))
        body = b"" if self.command in ("HEAD", "PUT") else b"<X/>" if "?" in self.path else b"content"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815 - the library's names

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def door(dev):
    """Give the door with dev's policies, and what is behind it."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Everything)
    server.seen = []
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    account = Account(dev)
    buckets = {
        Output.DATA_BUCKET_NAME: "data",
        Output.UPLOADS_BUCKET_NAME: "uploads",
        Output.FEEDBACK_BUCKET_NAME: "feedback",
        Output.RESULTS_BUCKET_NAME: "results",
    }
    names = {account.output("Storage", output): name for output, name in buckets.items()}
    with Gateway(SimpleNamespace(port=server.server_port)) as gateway:
        gateway.learn(account, names)
        yield gateway, server
    server.shutdown()
    server.server_close()


def _s3(gateway, who):
    return boto3.client(
        "s3",
        endpoint_url=gateway.endpoint,
        region_name=REGION,
        aws_access_key_id=who,
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )


PREDICT, BATCH, ERASE = (f"leukolens-dev-{name}" for name in ("predict", "batch", "erase"))
CALLS = [
    (PREDICT, "get_object", {"Bucket": "uploads", "Key": "uploads/1"}, True),
    (PREDICT, "put_object", {"Bucket": "feedback", "Key": "feedback/1/a.json", "Body": b"{}"}, True),
    (PREDICT, "get_object", {"Bucket": "feedback", "Key": "feedback/1/a.json"}, False),
    (PREDICT, "get_object", {"Bucket": "data", "Key": "slides/1.png"}, False),
    (PREDICT, "delete_object", {"Bucket": "uploads", "Key": "uploads/1"}, False),
    (BATCH, "get_object", {"Bucket": "data", "Key": "slides/1.png"}, True),
    (BATCH, "head_object", {"Bucket": "data", "Key": "slides/1.png"}, True),
    (BATCH, "put_object", {"Bucket": "results", "Key": "batches/x/lines/1", "Body": b"1"}, True),
    (BATCH, "put_object", {"Bucket": "results", "Key": "elsewhere/1", "Body": b"1"}, False),
    (BATCH, "put_object", {"Bucket": "data", "Key": "slides/1.png", "Body": b"1"}, False),
    (ERASE, "list_object_versions", {"Bucket": "feedback", "Prefix": "feedback/1/"}, True),
    (ERASE, "list_object_versions", {"Bucket": "feedback", "Prefix": ""}, False),
    (ERASE, "get_object", {"Bucket": "feedback", "Key": "feedback/1/a.json"}, False),
    (ERASE, "delete_object", {"Bucket": "feedback", "Key": "feedback/1/a.json", "VersionId": "1"}, True),
    (ERASE, "delete_object", {"Bucket": "feedback", "Key": "feedback/1/a.json"}, False),
    ("nobody", "list_objects_v2", {"Bucket": "data"}, False),
]


@pytest.mark.parametrize(("who", "operation", "parameters", "allowed"), CALLS)
def test_a_call_goes_through_where_the_role_allows_it(door, who, operation, parameters, allowed):
    gateway, behind = door
    if allowed:
        getattr(_s3(gateway, who), operation)(**parameters)
        assert len(behind.seen) == 1
        assert not gateway.refused
        return
    with pytest.raises(ClientError) as told:
        getattr(_s3(gateway, who), operation)(**parameters)
    assert told.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert behind.seen == []
    assert next(iter(gateway.refused)).startswith(who)


def test_many_deletions_in_one_call_are_judged_each(door):
    gateway, behind = door
    inside, outside = ({"Key": key, "VersionId": "1"} for key in ("feedback/1/a.json", "other/a.json"))
    _s3(gateway, ERASE).delete_objects(Bucket="feedback", Delete={"Objects": [inside]})
    with pytest.raises(ClientError):
        _s3(gateway, ERASE).delete_objects(Bucket="feedback", Delete={"Objects": [inside, outside]})
    assert len(behind.seen) == 1


@pytest.mark.parametrize(("who", "status"), [(PREDICT, 200), (BATCH, 403)])
def test_a_presigned_form_is_the_signers(door, who, status):
    gateway, _ = door
    post = _s3(gateway, who).generate_presigned_post("uploads", "uploads/1")
    answer = httpx.post(f"{gateway.endpoint}/uploads", data=post["fields"], files={"file": ("image", b"an image")})
    assert answer.status_code == status


@pytest.fixture(scope="module")
def workflows(synthesise):
    """Give dev's account with the roles of its workflows."""
    delivery = Delivery(repository="owner/name", creates_provider=True, builds_image=True, pull_accounts=[])
    image = Published(ID, REGION, "leukolens", f"sha256:{'a' * 64}")
    return Account(synthesise(load_environment("dev").model_copy(update={"delivery": delivery}), image, image))


DEPLOY, DIFF = (f"leukolens-dev-{kind}-{REGION}" for kind in ("deploy", "diff"))
_BOOTSTRAP = "arn:aws:iam::000000000000:role/cdk-hnb659fds-{}-role-000000000000-eu-central-1"
_ADMIN = "arn:aws:iam::000000000000:role/admin"
AS_WORKFLOWS = [
    (DEPLOY, "sts", "assume_role", {"RoleArn": _BOOTSTRAP.format("deploy"), "RoleSessionName": "job"}, True),
    (DEPLOY, "sts", "assume_role", {"RoleArn": _BOOTSTRAP.format("cfn-exec"), "RoleSessionName": "job"}, False),
    (DEPLOY, "sts", "assume_role", {"RoleArn": _ADMIN, "RoleSessionName": "job"}, False),
    (DEPLOY, "cloudformation", "describe_stacks", {"StackName": "Leukolens-Dev-Storage"}, False),
    (DIFF, "sts", "get_caller_identity", {}, True),
    (DIFF, "cloudformation", "get_template", {"StackName": "Leukolens-Dev-Storage"}, True),
    (DIFF, "cloudformation", "get_template", {"StackName": "Leukolens-Prod-Storage"}, False),
    (DIFF, "cloudformation", "delete_stack", {"StackName": "Leukolens-Dev-Storage"}, False),
    (DIFF, "ssm", "get_parameter", {"Name": "/cdk-bootstrap/hnb659fds/version"}, False),
    (DIFF, "sts", "assume_role", {"RoleArn": _BOOTSTRAP.format("lookup"), "RoleSessionName": "job"}, False),
]


@pytest.mark.parametrize(("who", "service", "operation", "parameters", "allowed"), AS_WORKFLOWS)
def test_what_the_cli_asks_in_a_workflows_name_is_judged_by_its_role(
    workflows, who, service, operation, parameters, allowed
):
    """What is behind the door answers nothing that boto3 could read: that it was asked is what counts."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Everything)
    server.seen = []
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    with Gateway(SimpleNamespace(port=server.server_port, region=REGION)) as gateway:
        gateway.learn(workflows, {})
        client = boto3.client(
            service,
            endpoint_url=gateway.endpoint,
            region_name=REGION,
            aws_access_key_id=who,
            aws_secret_access_key="x",
            config=Config(retries={"total_max_attempts": 1}),
        )
        with contextlib.suppress(ClientError, ResponseParserError):
            getattr(client, operation)(**parameters)
    server.shutdown()
    server.server_close()
    assert (len(server.seen) == 1) is allowed
    assert bool(gateway.refused) is not allowed
