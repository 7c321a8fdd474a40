import json
from pathlib import Path
from typing import Any

import pytest
from settings import load_settings

from inference import ModelCard, ModelError, folder_digest, model_digest, read_card, sha256_of, write_card
from tests.model_folders import public_card

TRIAGE = {"method": "m", "reference": "r", "malignant_minimum": 0.9, "benign_maximum": 0.1}
SCALE = {"method": "m", "reference": "r", "minimum": 0.8, "maximum": 1.25}
VERSION_1 = Path(__file__).with_name("card_version_1.json")


@pytest.fixture
def card() -> ModelCard:
    return public_card(triage=TRIAGE, scale=SCALE)


def test_a_written_card_reads_back(card: ModelCard, tmp_path: Path) -> None:
    write_card(card, tmp_path)
    assert read_card(tmp_path) == card
    told = json.loads((tmp_path / "model.json").read_text("utf-8"))
    assert told["schema_version"] == 2
    assert told["classes"][1]["name"] == "early pre-B"


def test_the_shipped_card_is_of_the_shipped_file() -> None:
    card = read_card(load_settings().model_dir)
    file = load_settings().model_dir / card.file
    assert card.sha256 == sha256_of(file)
    assert card.size_bytes == file.stat().st_size <= 16 * 1024 * 1024
    assert card.labels == ("Benign", "Early", "Pre", "Pro")


def test_a_card_of_version_1_is_read_with_its_labels_as_classes(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_bytes(VERSION_1.read_bytes())
    card = read_card(tmp_path)
    assert card.labels == ("Benign", "Early", "Pre", "Pro")
    assert card.malignant_labels == ("Early", "Pre", "Pro")
    assert [one.triage for one in card.classes] == ["benign", "malignant", "malignant", "malignant"]
    assert card.minimum_probabilities.tolist() == [0.2] * 4
    assert (card.triage, card.scale) == (None, None)
    # The two sums, each against the same minimum.
    assert card.triage_rule is not None
    assert (card.triage_rule.malignant_minimum, card.triage_rule.benign_maximum) == (0.8, 0.2)


def test_a_card_without_groups_has_no_triage() -> None:
    classes = [{"id": "A", "name": "monocyte"}, {"id": "B", "name": "лимфоцит"}]
    card = public_card(classes=classes)
    assert not card.has_triage
    assert card.triage_rule is None
    assert card.malignant_labels == ()


def test_each_label_can_have_a_minimum_of_its_own() -> None:
    minimums = {"Benign": 0.1, "Early": 0.2, "Pre": 0.3, "Pro": 0.4}
    card = public_card(prediction_set={"minimum_probability": minimums})
    assert card.minimum_probabilities.tolist() == [0.1, 0.2, 0.3, 0.4]


def test_a_missing_card_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=rf"{tmp_path}/model\.json cannot be read.*make train"):
        read_card(tmp_path)


def _classes(count: int, **first: Any) -> list[dict[str, Any]]:
    classes: list[dict[str, Any]] = [{"id": f"c{number}", "name": f"class {number}"} for number in range(count)]
    return [classes[0] | first, *classes[1:]]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"temperature": 2}, "temperature"),
        ({"sha256": "abc"}, "sha256"),
        ({"file": "../elsewhere.tflite"}, "file"),
        ({"classes": _classes(2, id="c1"), "triage": None}, "labels: each may appear once"),
        ({"classes": _classes(2, id="C1"), "triage": None}, "labels: each may appear once"),
        ({"classes": _classes(2, aliases=["C1"]), "triage": None}, "stands for both"),
        ({"classes": _classes(51), "triage": None}, "classes"),
        ({"classes": _classes(1), "triage": None}, "classes"),
        ({"classes": _classes(2, id="a/b"), "triage": None}, "classes.0.id"),
        ({"classes": _classes(2, name="a\u202eb"), "triage": None}, "classes.0.name"),
        ({"classes": _classes(2, name="a\nb"), "triage": None}, "classes.0.name"),
        ({"classes": _classes(2, name="x" * 200), "triage": None}, "classes.0.name"),
        ({"classes": _classes(2, colour="red"), "triage": None}, "classes.0.colour"),
        ({"classes": _classes(2, triage="grave"), "triage": None}, "classes.0.triage"),
        ({"classes": _classes(2)}, "triage: the classes have no malignant and benign groups"),
        ({"labels": ["Pre", "Pro"]}, "labels"),
        ({"triage": TRIAGE | {"benign_maximum": 0.95}}, "benign_maximum must be below"),
        ({"triage": TRIAGE | {"slope": -1.0}}, "triage.slope"),
        ({"triage": TRIAGE | {"intercept": 1e6}}, "triage.intercept"),
        ({"scale": SCALE | {"minimum": 1.1}}, "must hold 1"),
        ({"scale": SCALE | {"microns_per_pixel": 0.0}}, "scale.microns_per_pixel"),
    ],
)
def test_a_card_that_is_not_as_the_schema_says_is_refused_by_field(
    card: ModelCard, tmp_path: Path, change: dict[str, object], complaint: str
) -> None:
    card = card.model_copy(update={"prediction_set": public_card().prediction_set})
    values = json.loads(card.model_dump_json()) | change
    (tmp_path / "model.json").write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(ModelError, match=complaint):
        read_card(tmp_path)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"malignant_labels": ["Other"]}, "malignant_labels"),
        ({"malignant_labels": []}, "malignant_labels: a list of labels is needed"),
        ({"labels": "Pre"}, "labels: a list of labels is needed"),
        ({"labels": ["Pre", "Pre"], "malignant_labels": ["Pre"]}, "labels: each may appear once"),
    ],
)
def test_a_card_of_version_1_is_refused_by_field(tmp_path: Path, change: dict[str, object], complaint: str) -> None:
    values = json.loads(VERSION_1.read_bytes()) | change
    (tmp_path / "model.json").write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(ModelError, match=complaint):
        read_card(tmp_path)


@pytest.mark.parametrize("number", ["1e9", "-1e9", "NaN", "Infinity", "-Infinity", "1e400"])
@pytest.mark.parametrize(
    "place",
    [
        ("out_of_distribution", "threshold"),
        ("prediction_set", "minimum_probability"),
        ("calibration", "temperature"),
        ("triage", "malignant_minimum"),
        ("scale", "maximum"),
    ],
)
def test_a_number_that_would_switch_a_rule_off_is_refused(
    card: ModelCard, tmp_path: Path, place: tuple[str, str], number: str
) -> None:
    values = json.loads(card.model_dump_json())
    values[place[0]][place[1]] = "NUMBER"
    (tmp_path / "model.json").write_text(json.dumps(values).replace('"NUMBER"', number), encoding="utf-8")
    with pytest.raises(ModelError, match="not a valid model card"):
        read_card(tmp_path)


@pytest.mark.parametrize("place", ["training", "evaluation"])
def test_what_a_card_tells_freely_is_finite_at_any_depth(card: ModelCard, tmp_path: Path, place: str) -> None:
    values = json.loads(card.model_dump_json()) | {place: {"a": [{"b": float("nan")}]}}
    (tmp_path / "model.json").write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(ModelError, match="not finite"):
        read_card(tmp_path)


def test_the_digest_covers_every_byte_of_the_card_and_the_file(card: ModelCard, tmp_path: Path) -> None:
    (tmp_path / card.file).write_bytes(b"model")
    write_card(card, tmp_path)
    first = folder_digest(tmp_path)
    assert first == model_digest(sha256_of(tmp_path / card.file), (tmp_path / "model.json").read_bytes())
    with (tmp_path / "model.json").open("a", encoding="utf-8") as file:
        file.write("\n")
    second = folder_digest(tmp_path)
    (tmp_path / card.file).write_bytes(b"modem")
    assert len({first, second, folder_digest(tmp_path)}) == 3


def test_a_folder_whose_file_is_gone_is_named(card: ModelCard, tmp_path: Path) -> None:
    write_card(card, tmp_path)
    with pytest.raises(ModelError, match=r"model\.tflite cannot be read"):
        folder_digest(tmp_path)
