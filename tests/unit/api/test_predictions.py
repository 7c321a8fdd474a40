import base64
import io
import json
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from settings import Settings

from api import schemas
from api.app import Application
from tests.contract.gateway import event, multipart, read

Written = Callable[[], str]


def _predict(application: Application, **request: object) -> schemas.Prediction:
    answered = read(application(event(**request), None))  # type: ignore[arg-type]
    assert answered.status == 200, answered.body
    assert answered.headers["Content-Type"] == "application/json"
    return schemas.Prediction.model_validate(answered.body)


def test_a_raw_body_is_answered_in_full(application: Application, sample: bytes) -> None:
    prediction = _predict(application, body=sample, content_type="image/png", request_id="abc=")
    assert set(prediction.probabilities) == {"Benign", "Early", "Pre", "Pro"}
    assert prediction.prediction.probability == max(prediction.probabilities.values())
    assert prediction.image.width == prediction.image.height == 224
    assert prediction.image.format == "PNG"
    assert prediction.request_id == "abc="
    assert prediction.explanation is None
    assert "Research use only" in prediction.warning


def test_raw_and_form_get_the_same_answer(application: Application, sample: bytes) -> None:
    body, content_type = multipart(sample)
    raw = _predict(application, body=sample, content_type="image/png")
    assert _predict(application, body=body, content_type=content_type) == raw


@pytest.mark.parametrize("content_type", ["image/jpeg", "image/gif", "IMAGE/PNG; charset=binary", None])
def test_the_image_type_of_the_header_is_not_believed(
    application: Application, sample: bytes, content_type: str | None
) -> None:
    assert _predict(application, body=sample, content_type=content_type).image.format == "PNG"


def test_explain_adds_a_heat_map_of_the_images_size(application: Application, sample: bytes) -> None:
    explanation = _predict(application, body=sample, content_type="image/png", query="explain=true").explanation
    assert explanation is not None
    heatmap = Image.open(io.BytesIO(base64.b64decode(explanation.heatmap_png)))
    assert heatmap.format == "PNG"
    assert heatmap.size == (224, 224)
    assert len(np.unique(np.asarray(heatmap))) > 20


def test_unread_frames_are_told(application: Application, sample: bytes) -> None:
    file = io.BytesIO()
    Image.open(io.BytesIO(sample)).save(file, "TIFF", save_all=True, append_images=[Image.new("RGB", (224, 224))])
    prediction = _predict(application, body=file.getvalue(), content_type="image/tiff")
    assert prediction.image.frames == 2
    assert prediction.notes == ["The file holds 2 frames; only the first was read."]


@pytest.mark.parametrize("content_type", ["application/octet-stream", "binary/octet-stream", "application/dicom"])
def test_a_header_that_says_nothing_is_taken(application: Application, sample: bytes, content_type: str) -> None:
    prediction = _predict(application, body=sample, content_type=content_type)
    assert prediction.image.source is not None
    assert (prediction.image.source.format, prediction.image.source.bits) == ("PNG", 8)


def test_a_refused_image_has_a_reason(application: Application) -> None:
    answered = read(application(event(body=b"GIF89a....", content_type="image/gif"), None))
    assert (answered.status, answered.body["reason"]) == (415, "format-not-read")
    assert "PNG" in answered.body["detail"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded"])
def test_a_header_that_is_no_image_type_is_415(application: Application, sample: bytes, content_type: str) -> None:
    answered = read(application(event(body=sample, content_type=content_type), None))
    assert (answered.status, answered.problem) == (415, "unsupported-type")
    assert "image/png" in answered.body["detail"]


def _lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_the_audit_line_says_what_was_asked_and_answered(
    application: Application, sample: bytes, written: Written
) -> None:
    body, content_type = multipart(sample)
    headers = {"authorization": "Bearer secret-token"}
    prediction = _predict(application, body=body, content_type=content_type, headers=headers, request_id="req-1")
    lines = written()
    (line,) = [line for line in _lines(lines) if line.get("message") == "prediction"]
    assert line["request_id"] == "req-1"
    assert line["image"]["sha256"] == prediction.image.sha256  # type: ignore[index]
    assert line["model"] == prediction.model.model_dump(exclude={"name"})
    assert line["triage"]["verdict"] == prediction.triage.verdict  # type: ignore[index, union-attr]
    assert line["verdict"] == prediction.prediction.verdict
    assert set(line["thresholds"]) == {"minimum_probability", "out_of_distribution"}  # type: ignore[call-overload]
    assert set(line["timings_ms"]) == {"decode", "inference", "explain"}  # type: ignore[call-overload]
    for secret in ("secret-name", "secret-token", base64.b64encode(sample).decode()[100:140]):
        assert secret not in lines


def test_metrics_count_by_label_and_verdict(application: Application, sample: bytes, written: Written) -> None:
    answer = _predict(application, body=sample, content_type="image/png").prediction
    blobs = [line for line in _lines(written()) if "_aws" in line]
    (count,) = [blob for blob in blobs if "PredictionCount" in blob]
    assert (count["label"], count["verdict"], count["PredictionCount"]) == (answer.label, answer.verdict, [1.0])
    (rest,) = [blob for blob in blobs if "InferenceLatency" in blob]
    assert {"DecodeLatency", "InferenceLatency", "OutOfDistributionScore", "ColdStart"} <= set(rest)
    assert rest["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]]  # type: ignore[index]


def test_only_the_first_prediction_of_a_process_is_a_cold_start(sample: bytes, written: Written) -> None:
    application = Application(Settings())
    for _ in range(2):
        _predict(application, body=sample, content_type="image/png")
    starts = [line["cold_start"] for line in _lines(written()) if line.get("message") == "prediction"]
    assert starts == [True, False]
