import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference import Decision, ModelCard, Triage, decide, ood_reason, triage_probability
from inference.card import TriageRule
from tests.model_folders import public_card

RULE = {"method": "m", "reference": "r", "malignant_minimum": 0.9, "benign_maximum": 0.1}
CARD = public_card(triage=RULE, prediction_set={"minimum_probability": 0.25})
UNGROUPED = public_card(
    classes=[{"id": "A", "name": "monocyte"}, {"id": "B", "name": "lymphocyte"}, {"id": "C", "name": "basophil"}],
    prediction_set={"minimum_probability": 0.25},
)
MIXED = public_card(
    classes=[
        {"id": "Blast", "name": "blast", "triage": "malignant"},
        {"id": "Normal", "name": "normal", "triage": "benign"},
        {"id": "Smudge", "name": "smudge cell"},
    ],
    triage=RULE,
    prediction_set={"minimum_probability": 0.25},
)
NOT_TOLD = "malignant or benign not told"
CARDS = {"grouped": CARD, "derived": public_card(), "ungrouped": UNGROUPED, "mixed": MIXED}


def _decide(card: ModelCard, *probabilities: float) -> Decision:
    return decide(card, np.array(probabilities, np.float32))


@pytest.mark.parametrize(
    ("probabilities", "triage", "verdict", "summary"),
    [
        ((0.01, 0.01, 0.97, 0.01), ("malignant", "accepted"), "accepted", "malignant; pre-B"),
        ((0.01, 0.5, 0.48, 0.01), ("malignant", "accepted"), "uncertain", "malignant; early pre-B or pre-B"),
        ((0.02, 0.33, 0.33, 0.32), ("malignant", "accepted"), "uncertain", "malignant; early pre-B, pre-B or pro-B"),
        ((0.97, 0.01, 0.01, 0.01), ("benign", "accepted"), "accepted", "benign"),
        ((0.5, 0.5, 0.0, 0.0), ("malignant", "uncertain"), "uncertain", f"{NOT_TOLD}; benign or early pre-B"),
        # One pattern alone is possible, but not its side: nothing is accepted.
        ((0.4, 0.2, 0.2, 0.2), ("malignant", "uncertain"), "uncertain", f"{NOT_TOLD}; benign"),
    ],
)
def test_triage_comes_first_and_the_pattern_never_contradicts_it(
    probabilities: tuple[float, ...], triage: tuple[str, str], verdict: str, summary: str
) -> None:
    decision = _decide(CARD, *probabilities)
    assert decision.triage is not None
    assert (decision.triage.result, decision.triage.verdict) == triage
    assert (decision.verdict, decision.summary) == (verdict, summary)
    assert (decision.reason is None) == (verdict == triage[1] == "accepted")


def test_without_groups_nothing_pretends_a_triage() -> None:
    decision = _decide(UNGROUPED, 0.5, 0.49, 0.01)
    assert (decision.triage, decision.malignant_probability) == (None, None)
    assert (decision.verdict, decision.summary) == ("uncertain", "monocyte or lymphocyte")
    assert _decide(UNGROUPED, 0.98, 0.01, 0.01).verdict == "accepted"


def test_a_class_of_no_group_leaves_the_triage_uncertain() -> None:
    decision = _decide(MIXED, 0.01, 0.01, 0.98)
    assert decision.triage is not None
    assert decision.triage.verdict == "uncertain"
    assert (decision.label, decision.verdict) == ("Smudge", "accepted")
    assert _decide(MIXED, 0.98, 0.01, 0.01).triage == Triage("malignant", pytest.approx(0.98, abs=1e-6), "accepted")


def test_thresholds_need_not_lie_around_a_half() -> None:
    card = public_card(triage=RULE | {"malignant_minimum": 0.3, "benign_maximum": 0.05})
    decision = _decide(card, 0.6, 0.4, 0.0, 0.0)
    assert decision.triage is not None
    assert (decision.triage.result, decision.triage.verdict) == ("malignant", "accepted")


def test_slope_and_intercept_calibrate_the_sum() -> None:
    rule = TriageRule(**RULE, slope=2.0, intercept=-1.0)  # type: ignore[arg-type]
    # R: plogis(2 * qlogis(0.8) - 1)
    assert float(triage_probability(rule, 0.8)) == pytest.approx(0.8547, abs=1e-4)
    assert np.isfinite(triage_probability(rule, [0.0, 1.0])).all()


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
@given(data=st.data())
def test_no_probability_leaves_where_the_field_is_out_of_distribution(card: ModelCard, data: st.DataObject) -> None:
    sizes = st.lists(st.floats(0.0, 1.0, width=32), min_size=len(card.labels), max_size=len(card.labels))
    raw = np.array(data.draw(sizes), np.float64) + 1e-9
    probabilities = (raw / raw.sum()).astype(np.float32)
    told = decide(card, probabilities, "strange")
    again = decide(card, probabilities[::-1], "strange")
    assert told == again, "something of the probabilities shows"
    assert (told.verdict, told.reason, told.prediction_set) == ("out_of_distribution", "strange", ())
    assert (told.label, told.probability, told.probabilities, told.malignant_probability) == (None,) * 4
    assert told.triage in (None, Triage(None, None, "out_of_distribution"))


@given(st.floats(0.0, 1.0), st.sampled_from([0.0, 0.2, 0.5, 0.7, 1.0]))
def test_the_derived_triage_accepts_one_side_at_most(malignant: float, minimum: float) -> None:
    card = public_card(prediction_set={"minimum_probability": minimum})
    decision = _decide(card, 1.0 - malignant, malignant, 0.0, 0.0)
    assert decision.triage is not None
    assert decision.triage.probability is not None
    if decision.triage.verdict == "accepted" and minimum > 0.0:
        other = 1.0 - malignant if decision.triage.result == "malignant" else malignant
        assert other <= min(minimum, 1.0 - minimum) + 1e-6


SCALED = public_card(scale={"method": "m", "reference": "r", "minimum": 0.8, "maximum": 1.25})


@pytest.mark.parametrize(
    ("score", "estimate", "known", "said"),
    [
        (0.0, None, None, None),
        (0.0, 1.2, None, None),
        (0.0, 0.5, None, "looks like 0.5x of the trained magnification, by its cells"),
        (0.0, 2.0, 1.0, "looks like 2x of the trained magnification, by its cells"),
        (0.0, 1.0, 1.6, "looks like 1.6x of the trained magnification, by its pixel size"),
        (9.0, 1.0, None, "unlike those that the model was made from"),
        (float("nan"), 1.0, None, "unlike those that the model was made from"),
        (0.0, float("nan"), None, "trained magnification"),
    ],
)
def test_a_stranger_is_told_why(score: float, estimate: float | None, known: float | None, said: str | None) -> None:
    reason = ood_reason(SCALED, score, estimate, known=known)
    assert (reason is None) if said is None else (reason is not None and said in reason)


def test_without_a_rule_of_scale_no_estimate_counts() -> None:
    assert ood_reason(public_card(), 0.0, 0.1) is None
