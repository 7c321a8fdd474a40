"""A page without a network: Streamlit's AppTest, and a client that answers as the API's contract says."""

import base64
import gc
import hashlib
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from api.schemas import FeedbackReceipt, FeedbackRequest, ListedModel, ModelSummary, Prediction, Problem, Report
from client import RefusedImageError, UnreachableError
from frontend import classification, service
from frontend.wording import NO_BREAK
from frontend.workspaces import Desk

ROOT = Path(__file__).resolve().parents[3]
MODEL, OTHER_MODEL = "default", "own"
MODEL_SHA256 = "a" * 64
SHA256 = {MODEL: MODEL_SHA256, OTHER_MODEL: "b" * 64}
UNREADABLE = "The PNG file cannot be decoded; it is damaged or cut short. Save it again."


@pytest.fixture(scope="module", autouse=True)
def _nothing_older_is_collected() -> Iterator[None]:
    """Keep what other tests loaded out of the collections that Streamlit makes after each script: a second each."""
    gc.freeze()
    yield
    gc.unfreeze()


def png(colour: tuple[int, int, int] = (120, 60, 160), side_px: int = 80) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side_px, side_px), colour).save(file, "PNG")
    return file.getvalue()


class FakeClient:
    """Answers by the bytes that it gets; a test sets ``verdict``, ``reachable``, and ``malignant`` by image."""

    REASON = "Insufficient evidence: 3 accepted fields, and at least 21 are needed."

    def __init__(self) -> None:
        self.reachable = True
        self.verdict = "accepted"
        self.sufficient = False
        self.evaluation: dict[str, object] = {}
        self.malignant: dict[bytes, float] = {}
        self.possible = ["Pre"]
        self.asked: list[bytes] = []
        self.asked_how: list[tuple[str | None, float | None]] = []
        self.listed = [MODEL]
        self.reported: list[list[Prediction]] = []
        self.feedbacks: list[FeedbackRequest] = []
        self.feedback_models: list[str | None] = []
        self.uploaded: list[bytes] = []

    def predict(
        self,
        data: bytes,
        explain: bool = False,
        *,
        model: str | None = None,
        microns_per_pixel: float | None = None,
    ) -> Prediction:
        self.asked.append(data)
        self.asked_how.append((model, microns_per_pixel))
        self._reach()
        if not data.startswith(b"\x89PNG"):
            problem = Problem(type="urn:x", title="Unreadable image", status=422, detail=UNREADABLE)
            raise RefusedImageError(problem)
        heat = base64.b64encode(png((255, 255, 255))).decode()
        malignant = self.malignant.get(data, 0.99)
        if model == OTHER_MODEL:
            malignant = 1 - malignant
        known = self.verdict != "out_of_distribution"
        side = "malignant" if malignant > 0.5 else "benign"
        return Prediction.model_validate(
            {
                "triage": {
                    "result": side if known else None,
                    "probability": malignant if known else None,
                    "verdict": self.verdict,
                },
                "prediction": {
                    "label": "Pre" if known else None,
                    "probability": 0.97 if known else None,
                    "verdict": self.verdict,
                },
                "probabilities": {"Benign": 0.01, "Early": 0.01, "Pre": 0.97, "Pro": 0.01} if known else None,
                "malignant_probability": malignant if known else None,
                "prediction_set": self.possible if known else [],
                "out_of_distribution_score": 3.0,
                "reason": None if self.verdict == "accepted" else "The field is blurred.",
                "explanation": {"heatmap_png": heat} if explain else None,
                "model": {"version": "9.8.7", "sha256": SHA256[model or MODEL], "name": model or MODEL},
                "image": {"sha256": hashlib.sha256(data).hexdigest(), "width": 80, "height": 80, "format": "PNG"},
                "request_id": "request-1",
            }
        )

    def report(self, predictions: Iterable[Prediction]) -> Report:
        self._reach()
        answers = list(predictions)
        self.reported.append(answers)
        accepted = sum(answer.prediction.verdict == "accepted" for answer in answers)
        share = {"count": accepted, "share": 1.0, "low": 0.8, "high": 1.0}
        none = {"count": 0, "share": 0.0, "low": 0.0, "high": 0.2}
        return Report.model_validate(
            {
                "evidence": "sufficient" if self.sufficient else "insufficient",
                "reason": self.REASON,
                "minimum_accepted_fields": 21,
                "fields": len(answers),
                "duplicates": 0,
                "accepted": accepted,
                "uncertain": sum(answer.prediction.verdict == "uncertain" for answer in answers),
                "out_of_distribution": sum(answer.prediction.verdict == "out_of_distribution" for answer in answers),
                "labels": {"Benign": none, "Early": none, "Pre": share, "Pro": none},
                "malignant": share if accepted else None,
                "model": {"version": "9.8.7", "sha256": MODEL_SHA256},
                "request_id": "request-2",
            }
        )

    def feedback(self, feedback: FeedbackRequest, *, model: str | None = None) -> FeedbackReceipt:
        self._reach()
        self.feedback_models.append(model)
        self.feedbacks.append(feedback)
        kept = feedback.image_base64 is not None or feedback.upload_id is not None
        return FeedbackReceipt(
            request_id=feedback.request_id, label=feedback.label, image_kept=kept, already_stored=False
        )

    def upload(self, data: bytes) -> str:
        self._reach()
        self.uploaded.append(data)
        return "f" * 32

    def _reach(self) -> None:
        if not self.reachable:
            raise UnreachableError("No answer from http://127.0.0.1:1 in 4 tries: connection refused.")

    def models(self) -> list[ListedModel]:
        self._reach()
        return [ListedModel(name=name, default=name == MODEL, version="9.8.7") for name in self.listed]

    def model(self, name: str | None = None) -> ModelSummary:
        self._reach()
        return ModelSummary.model_validate(
            {
                "name": "leukolens",
                "version": "9.8.7",
                "sha256": SHA256[name or MODEL],
                "size_bytes": 13_000_000,
                "license": "Apache-2.0",
                "backbone": "efficientnet-lite0",
                "precision": "float32",
                "labels": ["Benign", "Early", "Pre", "Pro"],
                "malignant_labels": ["Early", "Pre", "Pro"],
                "classes": [
                    {"id": "Benign", "name": "benign", "triage": "benign", "colour": "#0072B2"},
                    {"id": "Early", "name": "early pre-B", "triage": "malignant", "colour": "#E69F00"},
                    {"id": "Pre", "name": "pre-B", "triage": "malignant", "colour": "#D55E00"},
                    {"id": "Pro", "name": "pro-B", "triage": "malignant", "colour": None},
                ],
                "prediction_set": {"method": "LAC", "target_coverage": 0.99, "minimum_probability": 0.6},
                "out_of_distribution": {"method": "Mahalanobis", "threshold": 12.3},
                "intended_use": "Research.",
                "misuse": "Diagnosis.",
                "evaluation": self.evaluation,
            }
        )


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeClient]:
    fake = FakeClient()
    monkeypatch.setattr(service, "connect", lambda: fake)
    monkeypatch.setattr(classification, "PAUSES_S", (0.001, 0.001))
    service.card.clear()
    yield fake
    service.card.clear()


@pytest.fixture
def page(client: FakeClient) -> AppTest:
    return AppTest.from_file(str(ROOT / "frontend" / "app.py"), default_timeout=300).run()


def desk(page: AppTest) -> Desk:
    """Give the desk of the page's session."""
    held: Desk = page.session_state["desk"]
    return held


def upload(page: AppTest, *files: tuple[str, bytes]) -> AppTest:
    """Bring files in as the workplace does, and wait until they are classified."""
    held = desk(page)
    for name, data in files:
        held.workspace.add(name, data)
    held.batch.start()
    held.batch.wait()
    return page.run()


def open_view(page: AppTest, name: str) -> AppTest:
    """Go to a view as its link does."""
    page._page_hash = next(key for key, view in page._registered_pages.items() if view.get("url_pathname") == name)
    return page.run()


def words(page: AppTest) -> str:
    """Read what the page says, as plain blanks."""
    said = [page.title, page.header, page.markdown, page.caption, page.error, page.warning, page.info, page.success]
    return "\n".join(element.value for kind in said for element in kind).replace(NO_BREAK, " ")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
