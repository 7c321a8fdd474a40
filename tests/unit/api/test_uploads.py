import base64
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import boto3
import pytest
from moto import mock_aws
from settings import Settings

from api.app import Application
from api.schemas import Prediction, UploadTicket
from tests.contract.gateway import Answered, event, read

BUCKET = "uploads-test"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Give an S3 bucket in process."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        yield s3


@pytest.fixture
def service(bucket: object) -> Application:
    """Give the API with uploads to that bucket."""
    return Application(Settings(uploads_bucket=BUCKET, max_upload_bytes=1_000_000))


def _post(service: Application, path: str, body: bytes) -> Answered:
    return read(service(event("POST", path, body=body, content_type="application/json"), None))


def _decoded_policy(ticket: UploadTicket) -> str:
    return base64.b64decode(ticket.fields["policy"]).decode()


def test_a_ticket_is_for_one_key_type_and_size_and_expires(service: Application) -> None:
    answered = _post(service, "/v1/uploads", b'{"content_type": "image/tiff", "size_bytes": 900000}')
    assert answered.status == 201
    ticket = UploadTicket.model_validate(answered.body)
    assert re.fullmatch(r"[0-9a-f]{32}", ticket.upload_id)
    assert BUCKET in ticket.url
    assert ticket.fields["Content-Type"] == "image/tiff"
    policy = _decoded_policy(ticket)
    assert '["content-length-range", 900000, 900000]' in policy
    assert f'"uploads/{ticket.upload_id}"' in policy
    assert 60 < (ticket.expires_at - datetime.now(UTC)).total_seconds() <= 900


def test_an_uploaded_image_is_answered_as_if_it_were_the_body(
    service: Application, bucket: object, sample: bytes
) -> None:
    ticket = _post(service, "/v1/uploads", b'{"content_type": "image/png", "size_bytes": 1}').body
    bucket.put_object(Bucket=BUCKET, Key=ticket["fields"]["key"], Body=sample)  # type: ignore[attr-defined]
    answered = _post(service, "/v1/predictions", f'{{"upload_id": "{ticket["upload_id"]}"}}'.encode())
    assert answered.status == 200
    raw = read(service(event(body=sample, content_type="image/png"), None))
    assert Prediction.model_validate(answered.body) == Prediction.model_validate(raw.body)


def test_an_upload_that_is_not_there_is_404(service: Application) -> None:
    answered = _post(service, "/v1/predictions", b'{"upload_id": "%s"}' % (b"0" * 32))
    assert (answered.status, answered.problem) == (404, "upload-not-found")


def test_an_uploaded_file_over_the_limit_is_413(service: Application, bucket: object) -> None:
    bucket.put_object(Bucket=BUCKET, Key="uploads/" + "a" * 32, Body=b"x" * 1_000_001)  # type: ignore[attr-defined]
    answered = _post(service, "/v1/predictions", b'{"upload_id": "%s"}' % (b"a" * 32))
    assert (answered.status, answered.problem) == (413, "too-large")


@pytest.mark.parametrize(
    ("body", "status", "problem"),
    [
        (b"", 400, "nothing-to-read"),
        (b'{"content_type": "image/png"}', 400, "invalid-request"),
        (b'{"content_type": "text/html", "size_bytes": 5}', 400, "invalid-request"),
        (b'{"content_type": "image/png", "size_bytes": 0}', 400, "invalid-request"),
        (b'{"content_type": "image/png", "size_bytes": 1e99}', 400, "invalid-request"),
        (b'{"content_type": "image/png", "size_bytes": 1000001}', 413, "too-large"),
    ],
)
def test_a_bad_request_for_an_upload_is_told(service: Application, body: bytes, status: int, problem: str) -> None:
    answered = _post(service, "/v1/uploads", body)
    assert (answered.status, answered.problem) == (status, problem)


def test_storage_that_does_not_answer_is_503(service: Application, bucket: object) -> None:
    bucket.delete_bucket(Bucket=BUCKET)  # type: ignore[attr-defined]
    answered = _post(service, "/v1/predictions", b'{"upload_id": "%s"}' % (b"0" * 32))
    assert (answered.status, answered.problem) == (503, "storage-unavailable")


@pytest.mark.parametrize("uploads", ["", "file:///tmp/leukolens"])
def test_without_a_bucket_uploads_are_not_offered(uploads: str) -> None:
    service = Application(Settings(uploads_bucket=uploads))
    answered = _post(service, "/v1/uploads", b'{"content_type": "image/png", "size_bytes": 5}')
    assert (answered.status, answered.problem) == (404, "not-offered")
