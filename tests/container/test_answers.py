"""The container answers as the service does, refuses what it should, and lives on."""

import base64
import hashlib
import io
import json
import shutil
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from inference import load
from infra.rehearsal.runtime_api import FunctionError
from local.event import http_event
from tests.conftest import data_root
from training.data.classes import labels_of, read_classes
from training.data.synthetic import MORPHOLOGIES, draw_field

pytestmark = pytest.mark.container

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = (ROOT / "samples" / "synthetic_pre_01.png").read_bytes()


def _bomb() -> bytes:
    """Give a PNG whose header says 50,000 x 50,000 and whose pixels are missing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def test_health_names_the_model_in_the_image(function):
    from inference import folder_digest

    answer = function.invoke(http_event("GET", "/v1/health"))
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["model"]["sha256"] == folder_digest(ROOT / "models" / "default")


def test_an_image_is_classified_as_by_the_code_beside_it(post):
    answer = post(SAMPLE)
    assert answer["statusCode"] == 200
    body = json.loads(answer["body"])
    assert body["image"]["sha256"] == hashlib.sha256(SAMPLE).hexdigest()
    here = load(ROOT / "models" / "default").predict(SAMPLE)
    assert body["probabilities"] == (here.probabilities and pytest.approx(here.probabilities, abs=1e-5))


def two_hundred_images() -> list[bytes]:
    """Real fields where they are at hand, spread over the classes; drawn ones for the rest."""
    root = data_root()
    real = (
        [
            path
            for label in labels_of(read_classes())
            for path in sorted((root / "all_smears" / label).glob("*.jpg"))[::25]
        ]
        if root
        else []
    )
    images = [path.read_bytes() for path in real[:100]]
    for seed in range(200 - len(images)):
        file = io.BytesIO()
        Image.fromarray(draw_field(list(MORPHOLOGIES)[seed % len(MORPHOLOGIES)], seed)).save(file, "PNG")
        images.append(file.getvalue())
    return images


@pytest.mark.parametrize("kind", ["TIFF", "WEBP", "AVIF", "JPEG2000"])
def test_what_takes_work_to_decode_is_answered_by_the_process_for_it(post, kind):
    file = io.BytesIO()
    Image.open(io.BytesIO(SAMPLE)).save(file, kind)
    answer = post(file.getvalue(), "application/octet-stream")
    assert answer["statusCode"] == 200, answer["body"]
    body, here = json.loads(answer["body"]), load(ROOT / "models" / "default").predict(file.getvalue())
    assert body["image"]["source"]["format"].replace(" ", "").upper() == kind
    assert body["out_of_distribution_score"] == pytest.approx(here.out_of_distribution_score, abs=1e-4)
    assert body["summary"] == here.summary


@pytest.mark.slow
def test_two_hundred_images_are_answered_as_in_process(post):
    classifier = load(ROOT / "models" / "default")
    for image in two_hundred_images():
        told = json.loads(post(image)["body"])
        here = classifier.predict(image)
        assert (told["prediction"]["label"], told["prediction"]["verdict"]) == (here.label, here.verdict)
        assert told["summary"] == here.summary
        assert told["probabilities"] == (here.probabilities and pytest.approx(here.probabilities, abs=1e-6))


def test_the_heat_map_is_as_large_as_the_image(post):
    body = json.loads(post(SAMPLE, query="explain=true")["body"])
    heatmap = Image.open(io.BytesIO(base64.b64decode(body["explanation"]["heatmap_png"])))
    assert heatmap.size == Image.open(io.BytesIO(SAMPLE)).size


@pytest.mark.data
def test_a_real_smear_is_classified(post, smears):
    image = sorted((smears / "Pro").glob("*.jpg"))[50].read_bytes()
    body = json.loads(post(image, "image/jpeg")["body"])
    assert body["prediction"]["label"] == "Pro"


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", "image/png", 400),
        (b"just text", "image/jpeg", 415),
        (SAMPLE, "application/pdf", 415),
        (SAMPLE[: len(SAMPLE) // 2], "image/png", 422),
        (_bomb(), "image/png", 413),
        (b"\0" * 4_600_000, "image/png", 413),
        (b"--b\r\n\r\n--b--", "multipart/form-data; boundary=b", 400),
    ],
    ids=["empty", "text", "not-an-image-type", "truncated", "bomb", "over-the-limit", "no-file-field"],
)
def test_bad_input_is_a_problem_and_the_next_image_is_answered(post, body, content_type, status):
    answer = post(body, content_type)
    assert answer["statusCode"] == status
    assert answer["headers"]["Content-Type"].startswith("application/problem+json")
    assert post(SAMPLE)["statusCode"] == 200


def test_a_model_that_is_not_the_cards_is_refused_by_name(start, tmp_path):
    shutil.copytree(ROOT / "models" / "default", tmp_path / "model")
    (tmp_path / "model" / "model.tflite").write_bytes(b"TFL3 but something else")
    (tmp_path / "model").chmod(0o755)
    for path in (tmp_path / "model").iterdir():
        path.chmod(0o644)
    with start({tmp_path / "model": "/mnt/model"}, LEUKOLENS_MODEL_DIR="/mnt/model") as api:
        try:
            answer = api.invoke(http_event("GET", "/v1/health"), 300.0)
        except FunctionError as error:
            said = str(error)
        else:
            assert answer["statusCode"] == 503
            said = answer["body"]
    assert "model.tflite" in said
