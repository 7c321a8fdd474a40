from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import (
    balanced_accuracy_score,
    f1_score,
    precision_score,
    recall_score,
    roc_auc_score,
)

from inference import read_card
from training.data.classes import read_classes
from training.evaluation import metrics
from training.evaluation.metrics import Predictions
from training.evaluation.predictions import Measured

CLASSES = read_classes()
SHIPPED = Path(__file__).resolve().parents[4] / "models" / "default"

Make = Callable[..., Predictions]
BENIGN, EARLY, PRE = range(3)


def test_hand_computed(predictions: Make) -> None:
    # Benign 2 of 2, Early 1 of 2 (one called Benign), Pre 1 of 1, Pro 0 of 1 (called Pre).
    found = metrics.measures(predictions([0, 0, 1, 1, 2, 3], [0, 0, 1, 0, 2, 2], confidence=0.91))
    assert found["accuracy"] == pytest.approx(4 / 6)
    assert found["balanced_accuracy"] == pytest.approx((1 + 0.5 + 1 + 0) / 4)
    assert found["macro_precision"] == pytest.approx((2 / 3 + 1 + 1 / 2 + 0) / 4)
    assert found["macro_f1"] == pytest.approx((0.8 + 2 / 3 + 2 / 3 + 0) / 4)
    assert found["sensitivity/Early"] == 0.5
    assert found["specificity/Benign"] == pytest.approx(3 / 4)
    assert found["specificity/Pre"] == pytest.approx(4 / 5)
    assert found["malignant_sensitivity"] == pytest.approx(3 / 4)
    assert found["malignant_specificity"] == 1.0
    # One bin: confidence 0.91, accuracy 4/6.
    assert found["expected_calibration_error"] == pytest.approx(0.91 - 4 / 6)
    # Right: 0.09^2 + 3 * 0.03^2; wrong: 0.91^2 + 0.97^2 + 2 * 0.03^2.
    assert found["brier"] == pytest.approx((4 * (0.09**2 + 3 * 0.03**2) + 2 * (0.91**2 + 0.97**2 + 2 * 0.03**2)) / 6)


def test_agrees_with_scikit_learn() -> None:
    random = np.random.default_rng(3)
    labels = random.integers(0, 4, 300)
    probabilities = random.dirichlet(np.ones(4), 300)
    probabilities[np.arange(300), labels] += 0.4
    probabilities = (probabilities / probabilities.sum(1, keepdims=True)).round(2)  # ties, as saturated models give
    probabilities[:, 0] += 1 - probabilities.sum(1)
    every = np.ones(300, bool)
    found = metrics.measures(
        Predictions(
            labels, labels * 0, probabilities, every, every, every, probabilities[:, 1:].sum(1), every, every, CLASSES
        )
    )
    predicted = probabilities.argmax(1)
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(labels, predicted))
    for name, score in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
        assert found[f"macro_{name}"] == pytest.approx(score(labels, predicted, average="macro"))
    assert found["auroc"] == pytest.approx(roc_auc_score(labels, probabilities, multi_class="ovr"))
    assert found["malignant_auroc"] == pytest.approx(roc_auc_score(labels > 0, probabilities[:, 1:].sum(1)))


def test_specificity_is_kept_at_the_threshold(predictions: Make) -> None:
    made = predictions([BENIGN] * 100 + [PRE] * 100, [BENIGN] * 97 + [PRE] * 3 + [PRE] * 90 + [BENIGN] * 10)
    assert metrics.measures(made)["malignant_sensitivity_at_specificity"] == pytest.approx(0.9)
    # One more benign field as sure as the malignant ones: no threshold below them keeps 0.97.
    worse = predictions([BENIGN] * 100 + [PRE] * 100, [BENIGN] * 96 + [PRE] * 4 + [PRE] * 90 + [BENIGN] * 10)
    assert metrics.measures(worse)["malignant_sensitivity_at_specificity"] == 0.0


def test_abstention_is_read_by_each_folds_own_card() -> None:
    card = read_card(SHIPPED)
    lenient, strict = (
        card.model_copy(
            update={
                "prediction_set": card.prediction_set.model_copy(update={"minimum_probability": 0.5}),
                "out_of_distribution": card.out_of_distribution.model_copy(update={"threshold": threshold}),
            }
        )
        for threshold in (1.0, 0.5)
    )
    measured = Measured(np.array([[0.97, 0.01, 0.01, 0.01]] * 2, np.float32), np.array([0.4, 0.6], np.float32))
    labels = np.array([0, 1])
    pooled = metrics.pool([(labels, measured, lenient), (labels, measured, strict)])
    assert pooled.folds.tolist() == [0, 0, 1, 1]
    assert pooled.known.tolist() == [True, True, True, False]
    assert pooled.covered.tolist() == [True, False, True, False]
    assert pooled.accepted.tolist() == [True, True, True, False]
    assert metrics.measures(pooled)["accuracy_of_accepted"] == pytest.approx(2 / 3)


def test_folds_are_averaged_only_where_each_tests_every_label(predictions: Make) -> None:
    whole = metrics.measures(predictions([0, 0, 1, 1, 2, 2, 3, 3], [0, 0, 1, 1, 2, 2, 3, 2], folds=2))
    assert whole["mean_fold_balanced_accuracy"] == pytest.approx((1 + 0.75) / 2)
    assert whole["worst_fold_balanced_accuracy"] == 0.75
    partly = metrics.measures(predictions([0, 1, 2, 2, 3, 3], [0, 1, 2, 2, 3, 3], folds=2))
    assert "mean_fold_balanced_accuracy" not in partly


def test_what_cannot_be_told_is_left_out(predictions: Make) -> None:
    found = metrics.measures(predictions([PRE, PRE], [PRE, EARLY]))
    assert found["balanced_accuracy"] == 0.5
    assert not {"auroc", "malignant_auroc", "specificity/Pre", "sensitivity/Pro"} & found.keys()
    assert metrics.roc_curves(predictions([PRE, PRE], [PRE, EARLY])) == {}


def test_risk_grows_with_what_is_answered() -> None:
    labels = np.array([0, 0, 0, 0])
    probabilities = np.array([[0.9, 0.1, 0, 0], [0.8, 0.2, 0, 0], [0.3, 0.7, 0, 0], [0.4, 0.6, 0, 0]])
    every = np.ones(4, bool)
    made = Predictions(
        labels, labels, probabilities, every, every, every, probabilities[:, 1:].sum(1), every, every, CLASSES
    )
    assert metrics.risk_coverage(made) == [(0.25, 0.0), (0.5, 0.0), (0.75, pytest.approx(1 / 3)), (1.0, 0.5)]


def test_reliability_bins_hold_every_field(predictions: Make) -> None:
    made = predictions([0, 1, 2, 3], [0, 1, 2, 2], confidence=1.0)
    assert metrics.reliability(made) == [(1.0, 0.75, 4)]
    assert len(CLASSES) == made.probabilities.shape[1]


def test_triage_is_judged_by_its_own_verdict(predictions: Make) -> None:
    """A wrong pattern of the right side is right; what triage leaves open is not counted as accepted."""
    made = replace(predictions([0, 1, 2, 3], [0, 2, 0, 3]), triaged=np.array([True, True, True, False]))
    found = metrics.measures(made)
    assert found["triage_coverage"] == 0.75
    assert found["triage_coverage_of_malignant"] == pytest.approx(2 / 3)
    assert found["triage_coverage_of_benign"] == 1.0
    assert found["triage_accuracy_of_accepted"] == pytest.approx(2 / 3)
    assert found["triage_sensitivity_of_accepted"] == 0.5
    assert found["triage_specificity_of_accepted"] == 1.0
    # Benign 0.09 where 0 is true, twice 0.91 or more where 1 is, and 0.09 where 1 is.
    assert 0.2 < found["triage_calibration_error"] < 0.4
