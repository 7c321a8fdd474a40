import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import boto3
import erase
import numpy as np
import pytest
from moto import mock_aws
from settings import Settings

from api.app import Application
from api.erasure import ErasureError
from api.schemas import CONSENT_VERSION, FeedbackReceipt
from api.storage import open_objects
from inference import read_image
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


def test_an_image_is_kept_with_consent_pixel_for_pixel(service: Application, store: str, sample: bytes) -> None:
    answered = _send(service, consent=True, image_base64=base64.b64encode(sample + b"Erika Mustermann").decode())
    assert (answered.status, answered.body["image_kept"]) == (201, True)
    kept = _kept(store)
    (image_key,) = [key for key in kept if key.endswith(".png")]
    image = kept.pop(image_key)
    assert np.array_equal(read_image(image).pixels, read_image(sample).pixels)
    assert b"Mustermann" not in image
    (record,) = map(json.loads, kept.values())
    assert record["image_sha256"] == hashlib.sha256(sample + b"Erika Mustermann").hexdigest()
    assert record["image"] == {"sha256": hashlib.sha256(image).hexdigest(), "format": "png"}
    assert image_key == f"feedback/JKJaXmPLvHcESHA=/{record['image']['sha256']}.png"
    assert record["consent_version"] == CONSENT_VERSION


def _send_as(service: Application, subject: str) -> Answered:
    body = json.dumps({"request_id": "JKJaXmPLvHcESHA=", "label": "Pre"}).encode()
    sent = event("POST", "/v1/feedback", body=body, content_type="application/json")
    sent["requestContext"]["authorizer"] = {"jwt": {"claims": {"sub": subject, "scope": "smears/feedback"}}}
    return read(service(sent, None))


def test_a_record_tells_whose_token_it_was_and_until_when_it_is_kept(service: Application, store: str) -> None:
    assert _send_as(service, "person-1").status == 201
    (record,) = map(json.loads, _kept(store).values())
    assert (record["subject"], record["consent"], record["consent_version"]) == ("person-1", False, None)
    kept_days = date.fromisoformat(record["keep_until"]) - datetime.now(UTC).date()
    assert timedelta(days=1824) <= kept_days <= timedelta(days=1825)


def test_two_people_of_one_opinion_are_two_records(service: Application, store: str) -> None:
    answers = [_send_as(service, subject) for subject in ("person-1", "person-2", "person-1")]
    assert [answer.body["already_stored"] for answer in answers] == [False, False, True]
    assert sorted(json.loads(record)["subject"] for record in _kept(store).values()) == ["person-1", "person-2"]


@pytest.mark.parametrize("consent", ["on", "true", 1, [True]])
def test_consent_is_true_and_nothing_like_it(service: Application, store: str, sample: bytes, consent: object) -> None:
    answered = _send(service, consent=consent, image_base64=base64.b64encode(sample).decode())
    assert (answered.status, answered.body["errors"][0]["field"]) == (400, "consent")
    assert _kept(store) == {}


def test_consent_to_another_text_is_none(service: Application, store: str, sample: bytes) -> None:
    image = base64.b64encode(sample).decode()
    answered = _send(service, consent=True, consent_version="2020-01", image_base64=image)
    assert (answered.status, answered.body["errors"][0]["field"]) == (400, "consent_version")
    assert _kept(store) == {}


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_what_a_browser_sends_for_any_page_is_not_read(service: Application, store: str, content_type: str) -> None:
    body = json.dumps({"request_id": "JKJaXmPLvHcESHA=", "label": "Pre"}).encode()
    answered = read(service(event("POST", "/v1/feedback", body=body, content_type=content_type), None))
    assert (answered.status, answered.problem) == (415, "not-json")
    assert _kept(store) == {}


def _erase(event: object, store: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Call the function that erases, as it is deployed."""
    monkeypatch.setenv("LEUKOLENS_FEEDBACK_BUCKET", store)
    monkeypatch.setenv("LEUKOLENS_UPLOADS_BUCKET", store)
    return erase.handler(event, None)


def test_erasing_leaves_no_version_and_nothing_of_others(
    service: Application, store: str, sample: bytes, written: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not store.startswith("file://"):
        boto3.client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    image = base64.b64encode(sample).decode()
    for request_id in ("request-1", "request-1", "request-10"):
        _send(service, request_id=request_id, consent=True, image_base64=image)
    if not store.startswith("file://"):  # one object was deleted by hand: a mark of that lies over its versions
        boto3.client("s3").delete_object(Bucket=BUCKET, Key=next(key for key in _kept(store) if "/request-1/" in key))
    erased = _erase({"erase": {"request_id": "request-1", "asked_by": "ticket 7"}}, store, monkeypatch)
    assert erased["request_id"] == "request-1"
    assert erased["objects"] >= 2
    assert {key.split("/")[1] for key in _kept(store)} == {"request-10"}
    if not store.startswith("file://"):
        left = boto3.client("s3").list_object_versions(Bucket=BUCKET, Prefix="feedback/request-1/")
        assert not left.get("Versions")
        assert not left.get("DeleteMarkers")
    (line,) = [json.loads(one) for one in written().splitlines() if '"erasure"' in one]
    assert (line["request_id"], line["asked_by"], line["objects"]) == ("request-1", "ticket 7", erased["objects"])


@pytest.mark.parametrize(
    "asked",
    [
        None,
        {},
        {"request_id": "../secret", "asked_by": "x"},
        {"request_id": "a"},
        {"asked_by": "x"},
        {"upload_id": "secret", "asked_by": "x"},
        {"request_id": "a", "upload_id": "0" * 32, "asked_by": "x"},
        "a",
    ],
)
def test_an_erasure_that_is_none_is_told_without_its_values(
    store: str, asked: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ErasureError) as told:
        _erase({"erase": asked}, store, monkeypatch)
    assert "secret" not in str(told.value)


def test_an_upload_is_erased_with_its_ticket_and_no_other(
    store: str, monkeypatch: pytest.MonkeyPatch, written: Callable[[], str]
) -> None:
    wanted, other = "0" * 32, "1" * 32
    objects = open_objects(store)
    for named in (wanted, other):
        objects.write(f"uploads/{named}", b"an image", "image/png")
    event = {"erase": {"upload_id": wanted, "asked_by": "ticket 8"}}
    assert _erase(event, store, monkeypatch) == {"upload_id": wanted, "objects": 1}
    assert set(_kept(store)) == {f"uploads/{other}"}
    assert _erase(event, store, monkeypatch)["objects"] == 0
    lines = [json.loads(one) for one in written().splitlines() if '"erasure"' in one]
    assert [(one["upload_id"], one["asked_by"], one["objects"]) for one in lines] == [
        (wanted, "ticket 8", 1),
        (wanted, "ticket 8", 0),
    ]


def test_the_api_erases_nothing_whatever_it_is_sent(service: Application, store: str) -> None:
    assert _send(service).status == 201
    kept = _kept(store)
    answered = service({"erase": {"request_id": "JKJaXmPLvHcESHA=", "asked_by": "a stranger"}}, None)
    assert answered["statusCode"] == 400
    assert _kept(store) == kept


def test_on_a_laptop_only_answered_requests_take_feedback(tmp_path: Path, sample: bytes) -> None:
    settings = Settings(feedback_bucket=tmp_path.as_uri(), answered_file=tmp_path / "answered")
    service = Application(settings)
    refused = _send(service, request_id="never-answered")
    assert (refused.status, refused.body["errors"][0]["field"]) == (400, "request_id")
    request_id = read(service(event(body=sample, content_type="image/png"), None)).body["request_id"]
    assert _send(service, request_id=request_id).status == 201
    assert _send(Application(settings), request_id=request_id, label="Other").status == 201  # after a restart, too


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
