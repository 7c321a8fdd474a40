import numpy as np
import pytest
from scipy.special import softmax

from training.models.calibration import HIGHEST_MINIMUM, TARGET_COVERAGE, minimum_probability, temperature


def sample(n: int, scale: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw logits, and labels from the very probabilities that logits / scale give."""
    rng = np.random.default_rng(seed)
    calibrated = rng.normal(0.0, 2.0, (n, 4))
    labels = np.array([rng.choice(4, p=p) for p in softmax(calibrated, -1)])
    return (calibrated * scale).astype(np.float32), labels


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_temperature_undoes_overconfidence(scale: float) -> None:
    assert temperature(*sample(5000, scale, 1)) == pytest.approx(scale, rel=0.1)


def test_sets_hold_the_truth_as_often_as_promised() -> None:
    minimum = minimum_probability(*sample(2000, 1.0, 2), 1.0)
    logits, labels = sample(20000, 1.0, 3)
    covered = (softmax(logits, -1)[np.arange(len(labels)), labels] >= minimum).mean()
    assert covered >= TARGET_COVERAGE - 0.005


def test_a_sure_model_does_not_raise_the_minimum_over_the_cap() -> None:
    labels = np.arange(400) % 4
    logits = (20.0 * np.eye(4)[labels]).astype(np.float32)
    assert minimum_probability(logits, labels, 1.0) == HIGHEST_MINIMUM


def test_too_few_fields_promise_nothing() -> None:
    labels = np.arange(40) % 4
    assert minimum_probability((5.0 * np.eye(4)[labels]).astype(np.float32), labels, 1.0) == 0.0
