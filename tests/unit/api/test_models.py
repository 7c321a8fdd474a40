"""Which model answers: told by one digest over file and card, chosen by name, at most two in memory."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from settings import Settings

from api.app import Application
from tests.contract.gateway import Answered, event, read

SHIPPED = Settings().model_dir


def _get(application: Application, path: str, query: str = "") -> Answered:
    return read(application(event("GET", path, query=query), None))


def _predict(application: Application, image: bytes, query: str = "") -> Answered:
    return read(application(event(body=image, content_type="image/png", query=query), None))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"Benign"', '"X"').replace('"Early"', '"Benign"').replace('"X"', '"Early"'),
        lambda text: _with_threshold(text, 1e9),
        lambda text: _with_threshold(text, 900.0),
        lambda text: text + "\n",
    ],
    ids=["labels swapped", "threshold of 1e9", "threshold raised", "one byte"],
)
def test_a_changed_card_is_another_model_or_none(tmp_path: Path, change: Any) -> None:
    folder = Path(shutil.copytree(SHIPPED, tmp_path / "model"))
    released = _get(Application(Settings(model_dir=folder)), "/v1/health").body["model"]["sha256"]
    card = folder / "model.json"
    card.write_text(change(card.read_text("utf-8")), encoding="utf-8")
    health = _get(Application(Settings(model_dir=folder)), "/v1/health")
    assert health.status == 503 or health.body["model"]["sha256"] != released


def _with_threshold(text: str, threshold: float) -> str:
    card = json.loads(text)
    card["out_of_distribution"]["threshold"] = threshold
    return json.dumps(card)


def test_a_digest_in_the_environment_refuses_what_was_changed(lenient_model: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(lenient_model, tmp_path / "model"))
    digest = _get(Application(Settings(model_dir=folder)), "/v1/health").body["model"]["sha256"]
    settings = Settings(model_dir=folder, model_sha256=digest)
    assert _get(Application(settings), "/v1/health").status == 200
    card = folder / "model.json"
    card.write_text(card.read_text("utf-8").replace("Early", "Late"), encoding="utf-8")
    refused = _get(Application(settings), "/v1/health")
    assert (refused.status, refused.problem) == (503, "model-unavailable")
    assert "find out who changed them" in refused.body["detail"]


@pytest.fixture(scope="module")
def folders(lenient_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of three models, of which one has other classes, and of one that is broken."""
    root = tmp_path_factory.mktemp("several")
    for name in ("one", "two", "three", "broken"):
        shutil.copytree(lenient_model, root / name, symlinks=True)
    card = json.loads((root / "two" / "model.json").read_text("utf-8"))
    for number, one in enumerate(card["classes"]):
        one |= {"id": f"kind-{number}", "name": f"kind {number}", "triage": None, "aliases": []}
    (root / "two" / "model.json").write_text(json.dumps(card), encoding="utf-8")
    (root / "broken" / "model.json").write_text("{}", encoding="utf-8")
    (root / "not a model").mkdir()
    return root


@pytest.fixture(scope="module")
def several(folders: Path) -> Application:
    """Give an API of several models, ``one`` by default."""
    return Application(Settings(model_dir=folders / "one", models_dir=folders))


def test_the_models_are_listed_default_first(several: Application) -> None:
    listed = _get(several, "/v1/models").body["models"]
    assert [(one["name"], one["default"]) for one in listed] == [
        ("one", True), ("broken", False), ("three", False), ("two", False),
    ]  # fmt: skip
    assert "not a valid model card" in listed[1]["problem"]
    assert [one["triage"] for one in listed] == [True, False, True, False]
    assert listed[3]["classes"][0]["name"] == "kind 0"
    for one in (listed[0], listed[2], listed[3]):
        card = _get(several, "/v1/model", f"model={one['name']}").body
        assert (card["digest"], card["model_name"]) == (one["sha256"], one["name"])


def test_each_answer_names_its_model_and_has_its_labels(several: Application, sample: bytes) -> None:
    first, second = (_predict(several, sample, query).body for query in ("", "model=two"))
    assert (first["model"]["name"], second["model"]["name"]) == ("one", "two")
    assert first["model"]["sha256"] != second["model"]["sha256"]
    assert set(second["probabilities"]) == {"kind-0", "kind-1", "kind-2", "kind-3"}
    assert first["triage"]["result"] in ("malignant", "benign")
    # Without groups, nothing pretends one.
    assert (second["triage"], second["malignant_probability"]) == (None, None)


def test_two_models_at_most_are_in_memory(several: Application, sample: bytes) -> None:
    for name in ("two", "three", "one", "two"):
        assert _predict(several, sample, f"model={name}").body["model"]["name"] == name
        assert len(several.service.models._loaded) == 2


@pytest.mark.parametrize(
    ("query", "status", "problem"),
    [
        ("model=four", 404, "model-not-found"),
        ("model=../one", 404, "model-not-found"),
        ("model=not%20a%20model", 404, "model-not-found"),
        ("model=broken", 503, "model-unavailable"),
    ],
)
def test_a_model_that_is_not_there_is_refused(
    several: Application, sample: bytes, query: str, status: int, problem: str
) -> None:
    answered = _predict(several, sample, query)
    assert (answered.status, answered.problem) == (status, problem)


def test_the_environment_chooses_the_default(folders: Path, sample: bytes) -> None:
    application = Application(Settings(model_dir=folders / "one", models_dir=folders, default_model="three"))
    assert _predict(application, sample).body["model"]["name"] == "three"
    missing = Application(Settings(model_dir=folders / "one", models_dir=folders, default_model="four"))
    answered = _get(missing, "/v1/health")
    assert (answered.status, answered.problem) == (503, "model-unavailable")
    assert "LEUKOLENS_DEFAULT_MODEL" in answered.body["detail"]


def test_a_report_is_by_the_model_that_answered(several: Application, sample: bytes) -> None:
    model = _predict(several, sample, "model=two").body["model"]
    field = {"image_sha256": "0" * 64, "label": "kind-1", "verdict": "accepted"}
    body = json.dumps({"model_sha256": model["sha256"], "fields": [field]}).encode()
    report = read(several(event("POST", "/v1/reports", body=body, content_type="application/json"), None)).body
    assert report["model"] == model
    assert report["labels"]["kind-1"]["count"] == 1
    assert report["malignant"] is None


def test_a_label_of_another_model_is_no_feedback(several: Application, tmp_path: Path, folders: Path) -> None:
    application = Application(
        Settings(model_dir=folders / "one", models_dir=folders, feedback_bucket=tmp_path.as_uri())
    )
    body = json.dumps({"request_id": "r1", "label": "kind-1"}).encode()

    def send(query: str) -> int:
        sent = event("POST", "/v1/feedback", body=body, content_type="application/json", query=query)
        return read(application(sent, None)).status

    assert (send(""), send("model=two")) == (400, 201)
