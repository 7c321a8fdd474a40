"""A page without a network: Streamlit's AppTest, and a client that answers as the API's contract says."""

import base64
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from api.schemas import ModelSummary, Prediction, Problem
from client import RefusedImageError, UnreachableError
from frontend import service

ROOT = Path(__file__).resolve().parents[3]
MODEL_SHA256 = "a" * 64
UNREADABLE = "The PNG file cannot be decoded; it is damaged or cut short. Save it again."


def png(colour: tuple[int, int, int] = (120, 60, 160), side_px: int = 64) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side_px, side_px), colour).save(file, "PNG")
    return file.getvalue()


class FakeClient:
    """Answers by the bytes that it gets; ``verdict`` and ``reachable`` are set by a test."""

    def __init__(self) -> None:
        self.reachable = True
        self.verdict = "accepted"
        self.asked: list[bytes] = []

    def predict(self, data: bytes, explain: bool = False) -> Prediction:
        self.asked.append(data)
        if not self.reachable:
            raise UnreachableError("No answer from http://127.0.0.1:1 in 4 tries: connection refused.")
        if not data.startswith(b"\x89PNG"):
            problem = Problem(type="urn:x", title="Unreadable image", status=422, detail=UNREADABLE)
            raise RefusedImageError(problem)
        heat = base64.b64encode(png((255, 255, 255))).decode()
        return Prediction.model_validate(
            {
                "prediction": {"label": "Pre", "probability": 0.97, "verdict": self.verdict},
                "probabilities": {"Benign": 0.01, "Early": 0.01, "Pre": 0.97, "Pro": 0.01},
                "malignant_probability": 0.99,
                "prediction_set": ["Pre"],
                "out_of_distribution_score": 3.0,
                "explanation": {"heatmap_png": heat} if explain else None,
                "model": {"version": "9.8.7", "sha256": MODEL_SHA256},
                "image": {"sha256": hashlib.sha256(data).hexdigest(), "width": 64, "height": 64, "format": "PNG"},
                "request_id": "request-1",
            }
        )

    def model(self) -> ModelSummary:
        if not self.reachable:
            raise UnreachableError("No answer.")
        return ModelSummary.model_validate(
            {
                "name": "leukolens",
                "version": "9.8.7",
                "sha256": MODEL_SHA256,
                "size_bytes": 13_000_000,
                "license": "Apache-2.0",
                "backbone": "efficientnet-lite0",
                "precision": "float32",
                "labels": ["Benign", "Early", "Pre", "Pro"],
                "malignant_labels": ["Early", "Pre", "Pro"],
                "prediction_set": {"method": "LAC", "target_coverage": 0.99, "minimum_probability": 0.6},
                "out_of_distribution": {"method": "Mahalanobis", "threshold": 12.3},
                "intended_use": "Research.",
                "misuse": "Diagnosis.",
            }
        )


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeClient]:
    fake = FakeClient()
    monkeypatch.setattr(service, "connect", lambda: fake)
    service.forget_card()
    yield fake
    service.forget_card()


@pytest.fixture
def page(client: FakeClient) -> AppTest:
    return AppTest.from_file(str(ROOT / "frontend" / "app.py"), default_timeout=30).run()
