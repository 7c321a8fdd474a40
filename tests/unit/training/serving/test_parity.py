"""What keeps a file without the trained weights from being in place.

That a whole file passes, ``test_train`` shows.
"""

from pathlib import Path

import numpy as np
import pytest

from inference import Classifier, ModelError, load
from training.data.classes import labels_of, read_classes
from training.data.synthetic import draw_field
from training.models import classifier, out_of_distribution
from training.models.tflite import convert
from training.serving import parity
from training.serving.graph import ServedClassifier
from training.serving.model_folder import make_card, release

CLASSES = read_classes()
FIELDS = np.stack([draw_field(labels_of(CLASSES)[0], seed) for seed in range(2)])


@pytest.fixture(scope="module")
def served(small_lite0: str) -> ServedClassifier:
    network = classifier.build(small_lite0, 4)
    width = network.get_layer("embedding").output.shape[-1]
    kernel = np.zeros((width, 4), np.float32)
    network.get_layer("logits").set_weights([kernel, np.array([2, 0, 0, 0], np.float32)])
    embeddings = np.random.default_rng(0).gamma(2.0, 0.2, (64, width)).astype(np.float32)
    return ServedClassifier(network, 1.0, out_of_distribution.fit(embeddings, np.arange(64) % 4, 8))


def shipped(served: ServedClassifier, folder: Path) -> Classifier:
    content = convert(served, folder / "saved")
    numbers = {"temperature": 1.0, "minimum_probability": 0.5, "threshold": 5.0, "quantile": 0.99}
    card = make_card(content, version="0.0.1", backbone="efficientnet-lite0", classes=CLASSES, training={}, **numbers)
    release(content, card, folder / "model", lambda _: {})
    return load(folder / "model")


def test_a_graph_that_does_not_hold_its_layers_weights_is_not_converted(
    served: ServedClassifier, tmp_path: Path
) -> None:
    kept, served.layer_variables = served.layer_variables, []
    try:
        with pytest.raises(AssertionError, match="untracked"):
            shipped(served, tmp_path)
    finally:
        served.layer_variables = kept
    assert not (tmp_path / "model").exists()


def test_a_file_of_weights_that_are_no_numbers_is_never_in_place(served: ServedClassifier, tmp_path: Path) -> None:
    kept = served.kernel.numpy()
    served.kernel.assign(np.full_like(kept, np.nan))
    try:
        with pytest.raises(ModelError, match="not finite"):
            shipped(served, tmp_path)
    finally:
        served.kernel.assign(kept)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    "found", [parity.Parity(9, 1.0, float("nan")), parity.Parity(9, 1.0, 2e-3), parity.Parity(9, 8 / 9, 1e-6)]
)
def test_any_difference_that_matters_is_refused(found: parity.Parity, tmp_path: Path) -> None:
    with pytest.raises(parity.ParityError, match="Nothing was shipped"):
        parity.demand(found, tmp_path)
