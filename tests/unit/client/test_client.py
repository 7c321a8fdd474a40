"""The client against the service itself, over real HTTP."""

import base64
import io
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from client import (
    InvalidAnswerError,
    LeukolensClient,
    NotFoundError,
    RefusedImageError,
    RequestError,
    RetryPolicy,
    TooLargeError,
    UnreachableError,
)

from .scripted import Reply, Scripted


def test_an_image_is_classified(leukolens: LeukolensClient, sample: Path):
    answer = leukolens.predict(sample)
    assert answer.prediction.label in answer.probabilities
    assert sum(answer.probabilities.values()) == pytest.approx(1.0, abs=1e-3)
    assert (answer.image.format, answer.image.width, answer.image.height) == ("PNG", 224, 224)
    assert answer.explanation is None
    assert answer == leukolens.predict(sample.read_bytes()).model_copy(update={"request_id": answer.request_id})


def test_an_explanation_has_the_images_size(leukolens: LeukolensClient, sample: Path):
    explanation = leukolens.predict(sample, explain=True).explanation
    assert explanation is not None
    with Image.open(io.BytesIO(base64.b64decode(explanation.heatmap_png))) as heatmap:
        assert heatmap.size == (224, 224)


def test_the_type_is_read_from_the_bytes_not_the_name(leukolens: LeukolensClient, sample: Path, tmp_path: Path):
    misnamed = tmp_path / "field.txt"
    misnamed.write_bytes(sample.read_bytes())
    assert leukolens.predict(misnamed).image.format == "PNG"


@pytest.mark.parametrize("data", [b"", b"text", b"\x89PNG\r\n\x1a\n cut short"])
def test_what_is_no_image_is_refused_with_the_problem(leukolens: LeukolensClient, data: bytes):
    with pytest.raises(RefusedImageError) as caught:
        leukolens.predict(data)
    assert caught.value.problem.type.startswith("urn:leukolens:problem:")
    assert caught.value.status in (400, 415, 422)
    assert caught.value.problem.reason in ("empty", "not-an-image", "cut-short")


def test_an_image_of_too_many_pixels_is_refused(leukolens: LeukolensClient):
    image = io.BytesIO()
    Image.new("1", (12_000, 12_000)).save(image, "PNG")
    with pytest.raises(TooLargeError):
        leukolens.predict(image.getvalue())


def test_a_wrong_address_is_told(service: str, sample: Path):
    with LeukolensClient(f"{service}/nowhere") as leukolens, pytest.raises(NotFoundError):
        leukolens.predict(sample)


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://example.org", "http://", "http://[::1"])
def test_what_is_no_address_is_refused_at_once(url: str):
    with pytest.raises(ValueError, match="address"):
        LeukolensClient(url)


def test_the_model_and_its_health_agree(leukolens: LeukolensClient):
    card, health = leukolens.model(), leukolens.health(deep=True)
    assert health.model.sha256 == card.digest
    assert health.model.name == card.model_name
    assert [one.id for one in card.classes] == card.labels
    assert health.deep is not None
    assert health.deep.label in card.labels


def test_models_are_listed_and_chosen(leukolens: LeukolensClient, sample: Path):
    (only,) = leukolens.models()
    assert only.default
    assert leukolens.model(only.name).digest == only.sha256
    assert leukolens.predict(sample, model=only.name).model.name == only.name
    with pytest.raises(NotFoundError, match=f"this service has {only.name}"):
        leukolens.predict(sample, model="another")


def test_a_pixel_size_is_sent_and_a_foolish_one_refused(leukolens: LeukolensClient, sample: Path):
    assert "was not used" in leukolens.predict(sample, microns_per_pixel=0.1).notes[0]
    with pytest.raises(RequestError, match=r"from 0\.01 to 100"):
        leukolens.predict(sample, microns_per_pixel=0.0)


def test_threads_share_a_client(leukolens: LeukolensClient, sample: Path):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: leukolens.predict(sample), range(24)))
    assert len({answer.request_id for answer in answers}) == 24
    assert len({answer.prediction.probability for answer in answers}) == 1


def test_no_service_is_told_after_every_try(quick: RetryPolicy):
    with (
        LeukolensClient("http://127.0.0.1:9", retry=quick) as leukolens,
        pytest.raises(UnreachableError, match="4 tries"),
    ):
        leukolens.health()


@pytest.mark.parametrize("reply", [Reply(200, b"<html>"), Reply(200, b'{"status": "ok"}'), Reply(302)])
def test_what_is_not_the_api_is_told(scripted: Callable[..., Scripted], reply: Reply):
    with LeukolensClient(scripted(reply).url) as leukolens, pytest.raises(InvalidAnswerError):
        leukolens.health()


def test_a_large_image_travels_by_upload(scripted: Callable[..., Scripted], leukolens: LeukolensClient, sample: Path):
    """The store gets the ticket's fields and the file, and never the token."""
    answer = leukolens.predict(sample).model_dump_json().encode()
    store = scripted(Reply(204, b""))
    ticket = {
        "upload_id": "a" * 32,
        "url": f"{store.url}/bucket",
        "fields": {"key": "uploads/a", "policy": "p"},
        "expires_at": "2026-01-01T00:00:00Z",
        "max_bytes": 25_000_000,
    }
    api = scripted(Reply(200, json.dumps(ticket).encode()), Reply(200, answer))
    with LeukolensClient(api.url, token="secret", inline_limit_bytes=100) as client:
        client.predict(sample, explain=True)

    asked, predicted = api.seen
    assert (asked.path, json.loads(asked.body)) == (
        "/v1/uploads",
        {"content_type": "image/png", "size_bytes": sample.stat().st_size},
    )
    assert (predicted.path, json.loads(predicted.body)) == ("/v1/predictions?explain=true", {"upload_id": "a" * 32})
    assert predicted.headers["authorization"] == "Bearer secret"
    (put,) = store.seen
    assert "authorization" not in put.headers
    assert sample.read_bytes() in put.body
    assert put.body.index(b"uploads/a") < put.body.index(b'name="file"')


def test_bytes_that_tell_no_type_are_sent_for_the_service_to_name(scripted: Callable[..., Scripted]):
    api = scripted(Reply(415))
    with LeukolensClient(api.url, inline_limit_bytes=10) as client, pytest.raises(RefusedImageError):
        client.predict(b"no image at all")
    assert json.loads(api.seen[0].body)["content_type"] == "application/octet-stream"
