import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import boto3
import pytest
from moto import mock_aws
from settings import Settings

from api.app import Application
from api.schemas import FeedbackReceipt
from tests.contract.gateway import Answered, event, read

BUCKET = "feedback-test"


@pytest.fixture(params=["bucket", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Give the address of each kind of store, empty."""
    if request.param == "folder":
        yield tmp_path.as_uri()
        return
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        yield BUCKET


@pytest.fixture
def service(store: str) -> Application:
    """Give the API with feedback to that store."""
    return Application(Settings(feedback_bucket=store))


def _kept(store: str) -> dict[str, bytes]:
    """Read every object of a store, by key."""
    if store.startswith("file://"):
        root = Path(url2pathname(urlsplit(store).path))
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    s3 = boto3.client("s3")
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]
    return {key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}


def _send(service: Application, **fields: Any) -> Answered:
    body = json.dumps({"request_id": "JKJaXmPLvHcESHA=", "label": "Pre", **fields}).encode()
    return read(service(event("POST", "/v1/feedback", body=body, content_type="application/json"), None))


def test_a_label_is_kept_under_its_request(service: Application, store: str) -> None:
    answered = _send(service, reviewer="r1", comment="Zürich")
    assert answered.status == 201
    assert FeedbackReceipt.model_validate(answered.body) == FeedbackReceipt(
        request_id="JKJaXmPLvHcESHA=", label="Pre", image_kept=False, already_stored=False
    )
    ((key, record),) = _kept(store).items()
    assert key.startswith("feedback/JKJaXmPLvHcESHA=/")
    assert {"label": "Pre", "reviewer": "r1", "comment": "Zürich"}.items() <= json.loads(record).items()


def test_the_same_feedback_again_is_acknowledged_and_kept_once(service: Application, store: str) -> None:
    _send(service)
    before = _kept(store)
    again = _send(service)
    assert (again.status, again.body["already_stored"]) == (200, True)
    assert _kept(store) == before


def test_reviewers_may_differ(service: Application, store: str) -> None:
    assert _send(service, reviewer="one").status == 201
    assert _send(service, reviewer="two", label="Other").status == 201
    assert len(_kept(store)) == 2


def test_an_image_is_kept_with_consent_byte_for_byte(service: Application, store: str, sample: bytes) -> None:
    answered = _send(service, consent=True, image_base64=base64.b64encode(sample).decode())
    assert (answered.status, answered.body["image_kept"]) == (201, True)
    kept = _kept(store)
    (image_key,) = [key for key in kept if key.endswith(".png")]
    assert kept.pop(image_key) == sample
    (record,) = map(json.loads, kept.values())
    assert f"{record['image_sha256']}.png" in image_key


def test_without_consent_an_image_is_refused_and_nothing_is_kept(
    service: Application, store: str, sample: bytes
) -> None:
    answered = _send(service, image_base64=base64.b64encode(sample).decode())
    assert (answered.status, answered.problem) == (400, "invalid-request")
    assert answered.body["errors"][0]["field"] == "consent"
    assert _kept(store) == {}


@pytest.mark.parametrize(
    ("fields", "status", "problem"),
    [
        ({"label": "Leukaemia"}, 400, "invalid-request"),
        ({"label": ""}, 400, "invalid-request"),
        ({"request_id": "../../escape"}, 400, "invalid-request"),
        ({"request_id": "a" * 200}, 400, "invalid-request"),
        ({"comment": "x" * 5000}, 400, "invalid-request"),
        ({"consent": True, "image_base64": "%%%"}, 400, "invalid-request"),
        ({"consent": True, "image_base64": "Zürich"}, 400, "invalid-request"),
        ({"consent": True, "image_base64": ""}, 400, "nothing-to-read"),
        ({"consent": True, "image_base64": "aGVsbG8="}, 415, "unsupported-type"),
        ({"consent": True, "image_base64": "aGVsbG8=", "upload_id": "0" * 32}, 400, "invalid-request"),
        ({"consent": True, "upload_id": "0" * 32}, 404, "not-offered"),
        ({"surprise": 1}, 400, "invalid-request"),
    ],
)
def test_bad_feedback_is_told_and_nothing_is_kept(
    service: Application, store: str, fields: dict[str, Any], status: int, problem: str
) -> None:
    answered = _send(service, **fields)
    assert (answered.status, answered.problem) == (status, problem)
    assert _kept(store) == {}


def test_without_a_store_feedback_is_not_offered(application: Application) -> None:
    answered = _send(application)
    assert (answered.status, answered.problem) == (404, "not-offered")


def test_a_store_that_cannot_be_written_is_503(tmp_path: Path) -> None:
    (tmp_path / "feedback").write_text("a file where the folder should be", encoding="utf-8")
    answered = _send(Application(Settings(feedback_bucket=tmp_path.as_uri())))
    assert (answered.status, answered.problem) == (503, "storage-unavailable")
