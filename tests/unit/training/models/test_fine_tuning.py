"""What fine-tuning is fed with."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from training.data.dataset import Fields, load_fields
from training.data.labels import INPUT_SIDE_PX
from training.data.validation import manifest_of
from training.models import classifier, learners
from training.models.fine_tuning import OPTIMIZERS, batches, class_weights
from training.models.recipes import SETTINGS, FineTuning

LABELS = np.array([0, 0, 0, 0, 0, 1, 1, 2, 3])


def fields() -> Fields:
    images = np.zeros((len(LABELS), INPUT_SIDE_PX, INPUT_SIDE_PX, 3), np.uint8)
    return Fields(images, LABELS, np.arange(len(LABELS)), tuple(Path(f"{k}.png") for k in range(len(LABELS))))


def test_every_class_counts_the_same_and_the_mean_field_one() -> None:
    weights = class_weights(LABELS)
    each = np.array([weights[label] for label in LABELS])
    sums = np.bincount(LABELS, weights=each)
    np.testing.assert_allclose(sums, sums[0])
    assert each.mean() == pytest.approx(1.0)


def test_an_epoch_shows_each_field_once_in_an_order_of_its_own() -> None:
    data = batches(fields(), FineTuning(batch_size=4))
    epochs = [[np.asarray(truth) for _, truth in data] for _ in range(2)]
    assert [len(batch) for batch in epochs[0]] == [4, 4, 1]
    for epoch in epochs:
        np.testing.assert_array_equal(np.concatenate(epoch).sum(0), np.bincount(LABELS))
    assert not np.array_equal(np.concatenate(epochs[0]), np.concatenate(epochs[1]))


def test_every_optimizer_that_may_be_asked_for_is_there() -> None:
    assert ", ".join(sorted(OPTIMIZERS)) == SETTINGS["optimizer"].allowed


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[keras.Model]:
    """List the networks that are trained."""
    seen: list[keras.Model] = []
    fit = learners.fit

    def watched(model: keras.Model, *given: Any) -> Any:
        seen.append(model)
        return fit(model, *given)

    monkeypatch.setattr(learners, "fit", watched)
    return seen


def test_only_the_backbone_computes_in_halves(small_lite0: str) -> None:
    network = classifier.build(small_lite0, 4, precision="mixed_bfloat16")
    assert {layer.compute_dtype for layer in network.get_layer("features")._flatten_layers()} == {"bfloat16"}
    assert network.get_layer("embedding").compute_dtype == network.get_layer("logits").compute_dtype == "float32"
    assert {weight.dtype for weight in network.weights} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"


def test_halves_and_xla_learn_what_float32_learns_and_give_a_network_of_float32(
    tiny_backbone: str, drawn_set: Path, tmp_path: Path, trained: list[keras.Model]
) -> None:
    drawn, manifest = load_fields(drawn_set), manifest_of(drawn_set)
    losses = {}
    for precision, xla in (("float32", "off"), ("mixed_bfloat16", "on"), ("mixed_float16", "auto")):
        recipe = FineTuning.model_validate({"epochs": 3, "learning_rate": 0.03, "precision": precision, "xla": xla})
        keras.utils.set_random_seed(1)
        learned = learners.learn(tiny_backbone, drawn, manifest, recipe, tmp_path / f"{precision}-{xla}")
        losses[precision, xla] = [epoch["loss"] for epoch in learned.epochs]
        model = trained.pop()
        assert model.get_layer("features").compute_dtype == precision.removeprefix("mixed_")
        assert model.jit_compile is (xla == "on")
        assert {layer.compute_dtype for layer in learned.network._flatten_layers()} == {"float32"}
        for ours, theirs in zip(learned.network.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    whole = losses.pop(("float32", "off"))
    assert whole[-1] != pytest.approx(whole[0], rel=0.01)
    for other in losses.values():
        np.testing.assert_allclose(other, whole, rtol=0.01)
