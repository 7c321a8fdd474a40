"""A whole run on drawn smears, and the gates that keep a bad file from being shipped."""

import math
from pathlib import Path

import numpy as np
import pytest

from inference import Classifier, ModelCard, load
from tests.drawn_cells import draw
from training.cli import main
from training.data.classes import labels_of, read_classes
from training.data.synthetic import draw_field
from training.experiment import HELD_GROUPS
from training.models import classifier, out_of_distribution
from training.models.levels import join, sides_of
from training.models.readings import Reading
from training.models.slide_learner import FieldReadings
from training.models.stain_pooling import WAYS
from training.models.tflite import convert
from training.serving import parity
from training.serving.graph import ServedClassifier
from training.serving.model_folder import make_card, release

from .model_folder import expect_to_serve

CLASSES = read_classes()
LABELS = labels_of(CLASSES)
CUTS = (math.inf, 1.0, math.inf)
FIELDS = np.stack([draw_field(label, seed) for label in LABELS for seed in range(4)])


def serve(*, imagenet: bool = True, two_levels: bool = False, ways: tuple[str, ...] = WAYS[:1]) -> ServedClassifier:
    network = classifier.build("efficientnet-lite0", 4, imagenet=imagenet, ways=ways)
    rng = np.random.default_rng(0)
    width = network.get_layer("embedding").output.shape[-1]
    embeddings = rng.gamma(2.0, 0.2, (64, width)).astype(np.float32)
    network.get_layer("logits").set_weights([rng.normal(0, 0.5, (width, 4)), rng.normal(0, 0.1, 4)])
    read = [Reading(rng.normal(0, 0.05, width).astype(np.float32), 0.1 * k, widest) for k, widest in enumerate(CUTS)]
    readings = FieldReadings(read[0], read[1], 0.5, read[2], sides_of(CLASSES)) if two_levels else None
    return ServedClassifier(network, 1.5, out_of_distribution.fit(embeddings, np.arange(64) % 4, 8), readings)


@pytest.fixture(scope="module")
def served(small_lite0: str) -> ServedClassifier:
    return serve()


def card_of(content: bytes, version: str = "0.0.1") -> ModelCard:
    return make_card(
        content,
        version=version,
        backbone="efficientnet-lite0",
        classes=CLASSES,
        temperature=1.5,
        minimum_probability=0.5,
        threshold=5.0,
        quantile=0.99,
        training={},
    )


def loaded(content: bytes, folder: Path) -> Classifier:
    kept: list[Classifier] = []

    def keep(file: Classifier) -> dict[str, object]:
        kept.append(file)
        return {}

    release(content, card_of(content), folder, keep)
    return kept[0]


@pytest.fixture(scope="module")
def content(served: ServedClassifier, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return convert(served, tmp_path_factory.mktemp("saved") / "model")


def expect_exact_maps(served: ServedClassifier, content: bytes, folder: Path) -> None:
    outputs = loaded(content, folder).run(FIELDS[0])
    logits = outputs.activation_maps.mean((0, 1)) + np.asarray(served.bias)
    expected = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    np.testing.assert_allclose(outputs.probabilities, expected, atol=1e-5)


def test_the_file_answers_as_the_network(served: ServedClassifier, content: bytes, tmp_path: Path) -> None:
    file = loaded(content, tmp_path / "model")
    found = parity.compare(served, file, FIELDS)
    parity.demand(found, tmp_path)
    assert found.images == len(FIELDS)


def test_the_activation_maps_add_up_to_the_logits(served: ServedClassifier, content: bytes, tmp_path: Path) -> None:
    expect_exact_maps(served, content, tmp_path / "model")


def test_a_file_that_counts_places_in_three_ways_answers_as_its_network(small_lite0: str, tmp_path: Path) -> None:
    graph = serve(ways=WAYS)
    content = convert(graph, tmp_path / "saved")
    parity.demand(parity.compare(graph, loaded(content, tmp_path / "model"), FIELDS[:4]), tmp_path)
    expect_exact_maps(graph, content, tmp_path / "model")


def test_a_file_of_two_levels_answers_as_its_parts_do(tmp_path: Path) -> None:
    """Probabilities, OOD score and scale are those that training reads off the embedding; maps tell the logits."""
    graph = serve(two_levels=True)
    file = loaded(convert(graph, tmp_path / "saved"), tmp_path / "model")
    parity.demand(parity.compare(graph, file, FIELDS[:4]), tmp_path)
    outputs = file.run(FIELDS[5])
    standard = outputs.embedding[None]
    kernel, bias = np.asarray(graph.kernel), np.asarray(graph.bias)
    logits = standard @ kernel + bias  # centre and spread are 0 and 1 here
    np.testing.assert_allclose(
        outputs.probabilities, join(logits[:, :4], logits[:, 4], sides_of(CLASSES))[0], atol=1e-5
    )
    assert outputs.scale == pytest.approx(float(graph.magnification(standard)[0]), abs=1e-4)
    cut = np.clip(standard, -1, 1) @ np.asarray(graph.ood.kernel)
    expected = 0.5 * float(graph.distance(standard)[0]) + cut[0, 0] + 0.1
    assert outputs.out_of_distribution_score == pytest.approx(expected, abs=1e-3)
    # The maps' means differ from the joined logits by what is the same for all labels of a side.
    within = outputs.probabilities[1:] / outputs.probabilities[1:].sum()
    joined = np.log(outputs.probabilities) - outputs.activation_maps.mean((0, 1))
    constant = bias[1:4] - within @ bias[1:4] + (within @ np.log(within))
    np.testing.assert_allclose(joined[1:] - constant, (joined[1:] - constant).mean(), atol=1e-3)


def test_the_gate_refuses_a_file_without_the_trained_weights(content: bytes, tmp_path: Path) -> None:
    """The right graph and other numbers in it, as from a converter that is not told of the variables."""
    file = loaded(content, tmp_path / "model")
    with pytest.raises(parity.ParityError, match="not the network that was trained"):
        parity.demand(parity.compare(serve(imagenet=False), file, FIELDS), tmp_path)


def test_nothing_is_replaced_when_a_check_fails(content: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    loaded(content, folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def refuse(file: Classifier) -> dict[str, object]:
        raise parity.ParityError("no")

    with pytest.raises(parity.ParityError):
        release(content, card_of(content, "0.0.2"), folder, refuse)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.slow
def test_a_fine_tuned_run_on_drawn_smears_ships_a_model_that_serves(
    small_lite0: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LEUKOLENS_TRACKING", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    places = ["--output", str(tmp_path / "model"), "--work", str(tmp_path / "work")]
    assert main(["train", "--smoke", "--epochs", "1", *places]) == 0
    assert not (tmp_path / "runs" / "mlflow.db").exists(), "it is no run to be kept"
    expect_to_serve(tmp_path / "model")


@pytest.mark.slow
def test_patients_that_a_table_tells_are_held_out_whole(
    small_lite0: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Own classes, files without numbers: from ``groups.csv`` to the numbers on the card."""
    monkeypatch.setenv("LEUKOLENS_TRACKING", "off")
    monkeypatch.chdir(tmp_path)
    rows, patients = ["file,patient"], 8
    for kind in ("round", "lobed"):
        (tmp_path / "own" / kind).mkdir(parents=True)
        for number, letter in enumerate("abcdefghijklmnopqrstuvwxyzABCDEF"):
            draw(kind, number).save(tmp_path / "own" / kind / f"{kind} {letter}.png")
            rows.append(f"{kind}/{kind} {letter}.png,patient {number % patients}")
    (tmp_path / "own" / "groups.csv").write_text("\n".join(rows))
    places = ["--output", str(tmp_path / "model"), "--work", str(tmp_path / "work")]
    assert main(["train", "--data", "own", "--frozen", *places]) == 0
    file = load(tmp_path / "model")
    held = file.card.training["held_out"]
    assert file.card.labels == ("lobed", "round")
    assert file.card.training["parity"]["agreement"] == 1.0
    assert held["protocol"] == HELD_GROUPS
    # A patient has four images of either class.
    assert held["images"] % (64 // patients) == 0
    assert 0 < held["images"] < 64
    assert file.card.training["parts"]["train"] + held["images"] == 64


def test_a_folder_without_classes_is_refused_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--data", str(tmp_path), "--output", str(tmp_path / "model")]) == 2
    assert "give a folder that holds one folder a class" in capsys.readouterr().err
    assert not (tmp_path / "model").exists()
