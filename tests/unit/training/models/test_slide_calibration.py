"""Numbers that are set on slides left out, every slide weighing alike."""

import numpy as np
import pytest
from scipy.special import expit

from training.data.classes import labels_of, read_classes
from training.models.slide_calibration import (
    DOUBT,
    minimum_probabilities,
    quantile,
    slide_parts,
    slide_weights,
    temperature,
    triage_numbers,
)


def test_six_hundred_fields_of_a_slide_weigh_as_much_as_ten_of_another() -> None:
    slides = ["large"] * 600 + ["small"] * 10
    weights = slide_weights(slides)
    assert weights[:600].sum() == pytest.approx(0.5)
    values = np.concatenate([np.zeros(600), np.ones(10)])
    assert quantile(values, weights, 0.6) == 1.0
    assert np.quantile(values, 0.6) == 0.0


def test_every_field_is_asked_about_once_by_who_saw_none_of_its_slide() -> None:
    labels = np.repeat([0, 0, 1, 1], [30, 25, 40, 5])
    slides = [*["a"] * 30, *["b"] * 25, *["c"] * 40, *["d"] * 5]
    parts = slide_parts(labels, slides)
    assert parts is not None
    assert sorted(np.concatenate([asked for _, asked in parts]).tolist()) == list(range(100))
    names = np.array(slides)
    assert all(not set(names[learnt]) & set(names[asked]) for learnt, asked in parts)


def test_a_label_on_one_slide_is_left_out_by_halves() -> None:
    """Else a fold whose training part has one slide of a label would have no gate, no scale and no triage."""
    labels = np.repeat([0, 1, 1], 30)
    parts = slide_parts(labels, ["a"] * 30 + ["b"] * 30 + ["c"] * 30)
    assert parts is not None
    assert all(set(labels[learnt]) == {0, 1} for learnt, _ in parts)
    assert [asked.tolist() for _, asked in parts if 0 in labels[asked]] == [list(range(15)), list(range(15, 30))]
    assert slide_parts(np.array([0, 1, 1]), ["a", "b", "c"]) is None


def drawn_logits() -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Draw four benign and four malignant slides whose logits lie a slide's own shift off."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0] * 4 + [1] * 4, 100)
    shift = np.repeat(rng.normal(0, 0.3, 8), 100)
    logits = np.where(labels == 0, -4.0, 4.0) + shift + rng.normal(0, 2, 800)
    return logits, labels, [f"s{k}" for k in np.repeat(np.arange(8), 100)]


def test_platt_takes_an_overconfident_logit_back_and_a_threshold_leaves_little_doubt() -> None:
    logits, labels, slides = drawn_logits()
    plain, loud = triage_numbers(logits, labels > 0, slides), triage_numbers(logits * 5, labels > 0, slides)
    assert loud.slope == pytest.approx(plain.slope / 5, rel=0.05)
    assert plain.malignant_minimum >= 1 - DOUBT[1.0]
    assert plain.benign_maximum <= DOUBT[-1.0]
    told = expit(plain.slope * logits + plain.intercept)
    accepted = (told >= plain.malignant_minimum) | (told <= plain.benign_maximum)
    assert ((told >= 0.5) == (labels > 0))[accepted].mean() > 0.99
    assert "4 of 5" in plain.guarantee


def test_one_bad_benign_slide_raises_what_malignant_asks_for() -> None:
    logits, labels, slides = drawn_logits()
    bad = logits.copy()
    bad[:20] = 12.0  # a fifth of the first benign slide looks malignant
    told = triage_numbers(bad, labels > 0, slides)
    assert told.malignant_minimum > triage_numbers(logits, labels > 0, slides).malignant_minimum


def test_a_patient_with_cells_of_both_sides_counts_for_each_by_its_own() -> None:
    logits, labels, slides = drawn_logits()
    patients = [f"p{k}" for k in np.tile(np.repeat(np.arange(4), 100), 2)]  # each a benign and a malignant slide
    apart, together = triage_numbers(logits, labels > 0, slides), triage_numbers(logits, labels > 0, patients)
    assert together.malignant_minimum == pytest.approx(apart.malignant_minimum, abs=1e-3)
    assert together.benign_maximum == pytest.approx(apart.benign_maximum, abs=1e-3)


def test_a_pattern_that_a_slide_hides_stays_in_the_set() -> None:
    """Of two Pre slides one is called Early: its minimum falls to what that slide gives Pre, Early's does not."""
    labels = np.repeat([0, 1, 2, 2, 3], 40)
    slides = [f"s{k}" for k in np.repeat(np.arange(5), 40)]
    probabilities = np.full((200, 4), 0.02)
    probabilities[np.arange(200), labels] = 0.94
    probabilities[80:120] = [0.02, 0.9, 0.06, 0.02]
    minimums = minimum_probabilities(probabilities, labels, slides, labels_of(read_classes()))
    assert minimums["Pre"] == pytest.approx(0.06)
    assert minimums["Early"] == minimums["Benign"] == 0.5


def test_a_confident_error_on_a_new_slide_heats_the_pattern() -> None:
    labels = np.repeat([1, 2, 3], 50)
    slides = [f"s{k}" for k in np.repeat(np.arange(3), 50)]
    right = np.eye(4)[labels] * 6
    malignant = np.arange(1, 4)
    wrong = right.copy()
    wrong[50:100] = np.eye(4)[1] * 6
    assert temperature(wrong, labels, slides, malignant) > 3 * temperature(right, labels, slides, malignant)
