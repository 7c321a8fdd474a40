from typing import Any

import pytest

from frontend.evaluation import dots, evidence
from frontend.evaluation.dots import Hundred

MALIGNANT = [False, True, True, True]
CONFUSION = [[363, 19, 1, 0], [15, 756, 16, 0], [25, 653, 87, 4], [3, 3, 1, 627]]
BOTH = {
    "triage_coverage": 0.706957,
    "triage_accuracy_of_accepted": 0.9989,
    "triage_sensitivity_of_accepted": 0.999394,
    "triage_specificity_of_accepted": 0.994083,
}


def measured(metrics: dict[str, float], protocol: str = "slides") -> evidence.Evidence:
    found: dict[str, Any] = {"protocols": {protocol: {"metrics": metrics, "confusion": CONFUSION}}}
    return evidence.read(found)


def test_both_questions_are_answered_from_slides_left_out():
    sides = {"triage_coverage_of_malignant": 0.753, "triage_coverage_of_benign": 0.4413}
    missed, wolf = dots.answers(measured(BOTH | sides), MALIGNANT)
    assert (missed.side, missed.fields) == ("malignant", 2190)
    assert (wolf.side, wolf.fields) == ("benign", 383)
    assert dots.sentence(missed) == (
        "Of 100 fields with leukaemia, it calls fewer than 1 benign, 75 malignant, and leaves 25 to you."
    )
    assert dots.sentence(wolf) == (
        "Of 100 benign fields, it calls fewer than 1 malignant, 44 benign, and leaves 56 to you."
    )


def test_a_card_that_tells_of_both_sides_together_is_worked_out():
    """169 benign and 1,650 malignant fields were decided in the evaluation that these numbers are of."""
    missed, wolf = dots.answers(measured(BOTH), MALIGNANT)
    assert missed.right + missed.wrong == pytest.approx(1650 / 2190, abs=0.001)
    assert wolf.right + wolf.wrong == pytest.approx(169 / 383, abs=0.001)


def test_a_model_that_always_answers_leaves_nothing_open():
    found = dots.answers(measured({"malignant_sensitivity": 0.98, "malignant_specificity": 0.9}), MALIGNANT)
    assert [one.dots.count("wrong") for one in found] == [2, 10]
    assert dots.sentence(found[1]) == "Of 100 benign fields, it calls 10 malignant and 90 benign."
    assert [kind for kind, _text in dots.legend(found[0])] == ["right", "wrong"]


@pytest.mark.parametrize("malignant", [[False] * 4, [True] * 4])
def test_a_model_without_two_sides_is_not_asked(malignant: list[bool]):
    assert dots.answers(measured(BOTH), malignant) == []


def test_kinder_protocols_answer_nothing():
    assert dots.answers(measured(BOTH, "random"), MALIGNANT) == []
    assert dots.answers(evidence.Evidence(), MALIGNANT) == []


@pytest.mark.parametrize("wrong", [0.0, 0.004, 0.006, 0.335, 1.0])
def test_there_are_always_a_hundred_dots(wrong: float):
    one = Hundred("malignant", (1 - wrong) / 3, (1 - wrong) * 2 / 3, wrong, 10, abstains=True)
    assert len(one.dots) == 100
    assert one.dots.count("wrong") == pytest.approx(100 * wrong, abs=1)
