import json
from pathlib import Path

import pytest
from settings import load_settings

from inference import ModelCard, ModelError, read_card, sha256_of, write_card


@pytest.fixture
def card() -> ModelCard:
    return read_card(load_settings().model_dir)


def test_a_written_card_reads_back(card: ModelCard, tmp_path: Path) -> None:
    write_card(card, tmp_path)
    assert read_card(tmp_path) == card


def test_the_shipped_card_is_of_the_shipped_file(card: ModelCard) -> None:
    file = load_settings().model_dir / card.file
    assert card.sha256 == sha256_of(file)
    assert card.size_bytes == file.stat().st_size <= 16 * 1024 * 1024
    assert card.labels == ("Benign", "Early", "Pre", "Pro")


def test_a_missing_card_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=rf"{tmp_path}/model\.json cannot be read.*make train"):
        read_card(tmp_path)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"temperature": 2}, "temperature"),
        ({"sha256": "abc"}, "sha256"),
        ({"file": "../elsewhere.tflite"}, "file"),
        ({"labels": ["Pre", "Pre"]}, "labels: each may appear once"),
        ({"malignant_labels": ["Other"]}, "malignant_labels"),
    ],
)
def test_a_card_that_is_not_as_the_schema_says_is_refused_by_field(
    card: ModelCard, tmp_path: Path, change: dict[str, object], complaint: str
) -> None:
    values = json.loads(card.model_dump_json()) | change
    (tmp_path / "model.json").write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(ModelError, match=complaint):
        read_card(tmp_path)
