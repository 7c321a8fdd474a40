"""Triage and pattern over HTTP, and that no probability leaves where the field is out of distribution."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from settings import Settings

import inference
from api.app import Application
from tests.contract.gateway import Answered, event, read
from tests.model_folders import copy_of

Written = Callable[[], str]
RULES = {
    "triage": {"method": "m", "reference": "r", "malignant_minimum": 0.9, "benign_maximum": 0.1},
    "scale": {"method": "m", "reference": "r", "minimum": 0.8, "maximum": 1.25, "microns_per_pixel": 0.2},
    "out_of_distribution": {"threshold": 5.0},
    "prediction_set": {"minimum_probability": 0.2},
}


class Scripted:
    """An API whose network answers what a test tells it."""

    def __init__(self, folder: Path, sample: bytes) -> None:
        self.application = Application(Settings(model_dir=copy_of(folder, **RULES)))
        self._sample = sample
        self.outputs = inference.Outputs(np.zeros(4, np.float32), np.zeros(2), np.zeros((7, 7, 4), np.float32), 0.0)
        classifier = self.application.service.classifier()
        classifier.run = lambda image: self.outputs  # type: ignore[method-assign]

    def answer(
        self, *probabilities: float, score: float = 0.0, scale: float | None = None, query: str = ""
    ) -> Answered:
        shares = np.array(probabilities, np.float32)
        self.outputs = inference.Outputs(shares, np.zeros(2), np.zeros((7, 7, 4), np.float32), score, scale)
        return read(self.application(event(body=self._sample, content_type="image/png", query=query), None))


@pytest.fixture(scope="module")
def scripted(tmp_path_factory: pytest.TempPathFactory, sample: bytes) -> Scripted:
    """Give the scripted API."""
    return Scripted(tmp_path_factory.mktemp("scripted") / "model", sample)


def test_both_levels_are_answered_with_words(scripted: Scripted) -> None:
    body = scripted.answer(0.01, 0.5, 0.48, 0.01).body
    assert body["triage"] == {
        "result": "malignant",
        "probability": pytest.approx(0.99, abs=1e-4),
        "verdict": "accepted",
    }
    assert body["prediction"] == {"label": "Early", "probability": 0.5, "verdict": "uncertain"}
    assert body["prediction_set"] == ["Early", "Pre"]
    assert body["summary"] == "malignant; early pre-B or pre-B"
    assert body["reason"] == "More than one pattern is possible: early pre-B or pre-B."
    certain = scripted.answer(0.97, 0.01, 0.01, 0.01).body
    assert (certain["summary"], certain["reason"]) == ("benign", None)


def test_a_wide_field_comes_with_its_tiles(scripted: Scripted) -> None:
    body = scripted.answer(0.01, 0.01, 0.97, 0.01, query="microns_per_pixel=0.4").body
    assert body["scale"] == {"magnification": pytest.approx(0.5), "source": "given"}
    assert [(tile["x"], tile["y"], tile["width"]) for tile in body["tiles"]] == [
        (0, 0, 112), (112, 0, 112), (0, 112, 112), (112, 112, 112),
    ]  # fmt: skip
    assert {tile["summary"] for tile in body["tiles"]} == {body["summary"]} == {"malignant; pre-B"}


@pytest.mark.parametrize("size", ["0", "-1", "nan", "inf", "1e9", "0x1", "0.2um", "1e400", "٣"])
def test_a_foolish_pixel_size_is_an_invalid_request(scripted: Scripted, size: str) -> None:
    answered = scripted.answer(1.0, 0.0, 0.0, 0.0, query=f"microns_per_pixel={size}")
    assert (answered.status, answered.problem) == (400, "invalid-request")
    assert "0.01 to 100" in answered.body["detail"]


def test_a_pixel_size_of_too_many_fields_is_too_large(scripted: Scripted) -> None:
    answered = scripted.answer(1.0, 0.0, 0.0, 0.0, query="microns_per_pixel=100")
    assert (answered.status, answered.problem) == (413, "too-large")


def test_the_wrong_magnification_is_turned_away_in_words(scripted: Scripted) -> None:
    body = scripted.answer(0.97, 0.01, 0.01, 0.01, scale=-1.0).body
    assert "looks like 0.5x of the trained magnification" in body["reason"]
    assert body["scale"] == {"magnification": 0.5, "source": "estimated"}
    assert body["triage"] == {"result": None, "probability": None, "verdict": "out_of_distribution"}


@given(
    raw=st.lists(st.floats(0.0009765625, 1.0, width=32), min_size=4, max_size=4),
    strange=st.sampled_from([{"score": 5.1}, {"score": 1e6}, {"scale": -1.0}, {"scale": 2.0, "score": 9.0}]),
    query=st.sampled_from(["", "microns_per_pixel=0.2", "microns_per_pixel=0.4", "microns_per_pixel=0.1"]),
)
def test_no_probability_leaves_where_the_field_is_out_of_distribution(
    scripted: Scripted, raw: list[float], strange: dict[str, float], query: str
) -> None:
    shares = np.array(raw) / np.sum(raw)
    body = scripted.answer(*shares, **strange, query=query).body
    for level in (body, *body["tiles"]):
        assert level["prediction"] == {"label": None, "probability": None, "verdict": "out_of_distribution"}
        assert level["triage"] == {"result": None, "probability": None, "verdict": "out_of_distribution"}
        assert (level["probabilities"], level["prediction_set"]) == (None, [])
        assert level["reason"]
    assert body["malignant_probability"] is None
    # Nothing of the answer depends on the probabilities.
    other = scripted.answer(*shares[::-1], **strange, query=query).body
    assert other == body
    numbers = {f"{share:.4f}" for share in np.float32(shares)}
    assert not {f"{float(found):.4f}" for found in re.findall(r"\b0\.\d{4,}", json.dumps(body))} & numbers - {"0.5000"}


def test_neither_log_nor_metrics_tell_the_probabilities_of_a_stranger(scripted: Scripted, written: Written) -> None:
    scripted.answer(0.111, 0.222, 0.333, 0.334, score=9.0)
    lines = [json.loads(line) for line in written().splitlines() if line.startswith("{")]
    (audit,) = [line for line in lines if line.get("message") == "prediction"]
    assert not {"label", "probability"} & audit.keys()
    assert audit["triage"] == {"result": None, "probability": None, "verdict": "out_of_distribution"}
    (count,) = [line for line in lines if "PredictionCount" in line]
    assert (count["label"], count["verdict"]) == ("none", "out_of_distribution")
    (triage,) = [line for line in lines if "TriageCount" in line]
    assert triage["triage"] == "out_of_distribution"
