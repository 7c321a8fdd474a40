"""What a caller can get wrong: each a clear problem, and the next good request works."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from settings import Settings

from api.app import Application
from tests.contract.gateway import event, multipart, read


def _truncated_jpeg() -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "JPEG")
    return file.getvalue()[:5_000]


def _png_header(side: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


def _small_png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (20, 20)).save(file, "PNG")
    return file.getvalue()


BAD_BODIES = {
    "no body": (None, 400, "nothing-to-read"),
    "empty body": (b"", 400, "nothing-to-read"),
    "a text named .jpg": (b"Dear laboratory,\nplease find attached.\n", 415, "unsupported-type"),
    "a GIF": (b"GIF89a" + b"\x00" * 100, 415, "unsupported-type"),
    "a truncated JPEG": (_truncated_jpeg(), 422, "unreadable-image"),
    "a JPEG's first bytes alone": (b"\xff\xd8\xff\xe0", 422, "unreadable-image"),
    "a 50,000 x 50,000 PNG header": (_png_header(50_000), 413, "too-large"),
    "a body over the limit": (b"\xff\xd8\xff" + b"\x00" * 4_500_000, 413, "too-large"),
    "an image too small": (_small_png(), 422, "image-too-small"),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_bad_body_is_told_and_the_next_request_works(application: Application, sample: bytes, name: str) -> None:
    body, status, problem = BAD_BODIES[name]
    answered = read(application(event(body=body, content_type="image/jpeg"), None))
    assert (answered.status, answered.problem) == (status, problem)
    assert answered.body["request_id"] == "JKJaXmPLvHcESHA="
    assert application(event(body=sample, content_type="image/png"), None)["statusCode"] == 200


def test_a_missing_file_field_is_nothing_to_read(application: Application, sample: bytes) -> None:
    body, content_type = multipart(sample, field="picture")
    answered = read(application(event(body=body, content_type=content_type), None))
    assert (answered.status, answered.problem) == (400, "nothing-to-read")


def test_malformed_base64_is_an_invalid_request(application: Application) -> None:
    sent = event(content_type="image/png") | {"body": "%%%", "isBase64Encoded": True}
    answered = read(application(sent, None))
    assert (answered.status, answered.problem) == (400, "invalid-request")


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 50_000, b"{}", b'{"upload_id": "../secret"}', b'{"file": 1}'])
def test_json_that_is_no_stored_image_is_an_invalid_request(application: Application, body: bytes) -> None:
    answered = read(application(event(body=body, content_type="application/json"), None))
    assert (answered.status, answered.problem) == (400, "invalid-request")
    assert answered.body["errors"]


def test_a_bad_flag_is_an_invalid_request(application: Application, sample: bytes) -> None:
    answered = read(application(event(body=sample, content_type="image/png", query="explain=maybe"), None))
    assert (answered.status, answered.problem) == (400, "invalid-request")


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/predictions/", "/v2/predictions", "/v1/../etc", "/%00", "/" + "a" * 5000]
)
def test_an_unknown_route_is_404(application: Application, path: str) -> None:
    answered = read(application(event("GET", path), None))
    assert (answered.status, answered.problem) == (404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/v1/predictions", "POST"),
        ("DELETE", "/v1/predictions", "POST"),
        ("POST", "/v1/health", "GET"),
        ("HEAD", "/v1/model", "GET"),
        ("BREW", "/v1/model", "GET"),
    ],
)
def test_a_wrong_method_is_405_and_says_which_are_right(
    application: Application, method: str, path: str, allow: str
) -> None:
    answered = read(application(event(method, path), None))
    assert (answered.status, answered.problem) == (405, "method-not-allowed")
    assert answered.headers["Allow"] == allow


def test_the_limits_come_from_the_settings(sample: bytes) -> None:
    small = Application(Settings(max_pixels=224 * 223, max_body_bytes=1_000_000))
    answered = read(small(event(body=sample, content_type="image/png"), None))
    assert (answered.status, answered.problem) == (413, "too-large")


def test_a_model_that_cannot_be_loaded_is_503_and_named(tmp_path: Path, sample: bytes) -> None:
    broken = Application(Settings(model_dir=tmp_path))
    for sent in (event(body=sample, content_type="image/png"), event("GET", "/v1/health"), event("GET", "/v1/model")):
        answered = read(broken(sent, None))
        assert (answered.status, answered.problem) == (503, "model-unavailable")
        assert str(tmp_path / "model.json") in answered.body["detail"]
    assert broken(event("GET", "/nowhere"), None)["statusCode"] == 404
