import io
import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from settings import load_settings

import inference

ROOT = Path(__file__).resolve().parents[3]
SAMPLES = sorted((ROOT / "samples").glob("synthetic_*.png"))


@pytest.fixture
def model_copy(tmp_path: Path) -> Path:
    """Give a copy of the shipped model to damage."""
    return Path(shutil.copytree(load_settings().model_dir, tmp_path / "model"))


def _fields(count: int) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (224, 224, 3), dtype=np.uint8) for _ in range(count)]


def test_an_answer_is_consistent(lenient_model: Path) -> None:
    classifier = inference.load(lenient_model)
    card = classifier.card
    for path in SAMPLES:
        answer = classifier.predict(path.read_bytes())
        assert answer.probabilities is not None
        assert answer.triage is not None
        assert tuple(answer.probabilities) == card.labels
        assert sum(answer.probabilities.values()) == pytest.approx(1.0, abs=1e-3)
        assert answer.probability == max(answer.probabilities.values()) == answer.probabilities[answer.label]
        malignant = sum(answer.probabilities[label] for label in card.malignant_labels)
        assert answer.malignant_probability == pytest.approx(malignant, abs=1e-6)
        minimum = card.minimum_probabilities[0]
        assert answer.prediction_set == tuple(k for k in card.labels if answer.probabilities[k] >= minimum)
        assert answer.triage.probability == pytest.approx(answer.malignant_probability, abs=1e-5)
        if answer.verdict == "accepted":
            assert answer.prediction_set == (answer.label,)
            assert answer.triage.verdict == "accepted"


@pytest.mark.parametrize(
    ("minimum", "threshold", "verdict"),
    [(0.0, 1000.0, "uncertain"), (1.0, 1000.0, "uncertain"), (0.0, -1000.0, "out_of_distribution")],
)
def test_the_cards_thresholds_rule_the_verdict(
    model_copy: Path, minimum: float, threshold: float, verdict: str
) -> None:
    card = inference.read_card(model_copy)
    card = card.model_copy(
        update={
            "prediction_set": card.prediction_set.model_copy(update={"minimum_probability": minimum}),
            "out_of_distribution": card.out_of_distribution.model_copy(update={"threshold": threshold}),
        }
    )
    inference.write_card(card, model_copy)
    assert inference.load(model_copy).predict(SAMPLES[0].read_bytes()).verdict == verdict


def test_the_most_probable_label_alone_is_accepted(model_copy: Path) -> None:
    certain = np.array([0.01, 0.01, 0.97, 0.01], np.float32)
    classifier = inference.load(model_copy)
    classifier.run = lambda image: inference.Outputs(certain, certain, np.zeros((7, 7, 4), np.float32), -1000.0)  # type: ignore[method-assign]
    answer = classifier.predict(SAMPLES[0].read_bytes())
    assert (answer.label, answer.verdict) == (classifier.card.labels[2], "accepted")


def test_the_maps_explain_the_logits(classifier: inference.Classifier) -> None:
    outputs = [classifier.run(field) for field in _fields(4)]
    # A label's logit is its map's mean plus its bias, and log-probabilities are logits up to a constant of the image:
    # what is left, once both are centred, is the biases, the same for every image. So among the malignant labels: how
    # much falls to each side is a reading of its own (docs/decisions/121-triage-has-a-head-of-its-own.md).
    card = classifier.card
    malignant = [card.labels.index(label) for label in card.malignant_labels]
    biases = []
    for output in outputs:
        means = output.activation_maps.mean(axis=(0, 1))[malignant]
        logs = np.log(np.maximum(output.probabilities[malignant], 1e-30))
        biases.append((logs - logs.mean()) - (means - means.mean()))
    assert np.ptp(biases, axis=0).max() < 0.05


def test_the_heat_map_comes_only_when_asked_for_and_is_as_large_as_the_image(
    classifier: inference.Classifier, encode: Callable[..., bytes], gradient: Image.Image
) -> None:
    data = encode(gradient, "PNG")
    assert classifier.predict(data).heatmap_png is None
    heatmap = classifier.predict(data, explain=True).heatmap_png
    assert heatmap is not None
    assert Image.open(io.BytesIO(heatmap)).size == (120, 90)


def test_threads_share_a_classifier_and_get_the_answers_of_one(classifier: inference.Classifier) -> None:
    fields = _fields(12)
    alone = [classifier.run(field).probabilities for field in fields]
    with ThreadPoolExecutor(6) as pool:
        together = [outputs.probabilities for outputs in pool.map(classifier.run, fields * 4)]
    for got, expected in zip(together, alone * 4, strict=True):
        assert np.array_equal(got, expected)


def test_a_wrong_hash_is_refused_by_name(model_copy: Path) -> None:
    file = model_copy / "model.tflite"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(inference.ModelError, match=r"model\.tflite has sha256 .*restore"):
        inference.load(model_copy)


def test_a_model_is_named_by_file_and_card(model_copy: Path) -> None:
    digest = inference.load(model_copy).digest
    assert digest == inference.folder_digest(model_copy)
    assert inference.load(model_copy, digest=digest).digest == digest
    card = json.loads((model_copy / "model.json").read_text("utf-8"))
    card["out_of_distribution"]["threshold"] = 999.0
    (model_copy / "model.json").write_text(json.dumps(card), encoding="utf-8")
    assert inference.load(model_copy).digest != digest
    with pytest.raises(
        inference.ModelError, match=r"has the digest .* over model\.tflite and model\.json, not .*: restore"
    ):
        inference.load(model_copy, digest=digest)


def test_a_missing_file_is_refused_by_name(model_copy: Path) -> None:
    (model_copy / "model.tflite").unlink()
    with pytest.raises(inference.ModelError, match=r"model\.tflite cannot be read"):
        inference.load(model_copy)


@pytest.mark.parametrize("content", [b"", b"not a model at all" * 100])
def test_a_file_that_is_no_model_is_refused_by_name(model_copy: Path, content: bytes) -> None:
    file = model_copy / "model.tflite"
    file.write_bytes(content)
    card = inference.read_card(model_copy).model_copy(update={"sha256": inference.sha256_of(file)})
    inference.write_card(card, model_copy)
    with pytest.raises(inference.ModelError, match=r"model\.tflite is not a model"):
        inference.load(model_copy)


def test_a_card_of_another_input_size_is_refused(model_copy: Path) -> None:
    card = inference.read_card(model_copy)
    card = card.model_copy(update={"input": card.input.model_copy(update={"height": 128})})
    inference.write_card(card, model_copy)
    with pytest.raises(inference.ModelError, match="'image' is uint8"):
        inference.load(model_copy)


@pytest.mark.data
def test_reduced_scale_decoding_leaves_the_label_of_real_fields(
    classifier: inference.Classifier, smears: Path, encode: Callable[..., bytes]
) -> None:
    for label in classifier.card.labels:
        for path in sorted((smears / label).glob("*.jpg"))[::250]:
            large = Image.open(path).convert("RGB").resize((2688, 2688), Image.Resampling.BICUBIC)
            whole = np.asarray(large.resize((224, 224), Image.Resampling.BICUBIC))
            undrafted = classifier.run(whole).probabilities
            answer = classifier.predict(encode(large, "JPEG", quality=95))
            assert answer.label == classifier.card.labels[int(undrafted.argmax())], path.name
