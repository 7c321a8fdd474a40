import pytest

from inference.answer import Verdict
from inference.classes import TriageGroup
from inference.specimen import LIMITS, MINIMUM_ACCEPTED_FIELDS, FieldAnswer, summarise, wilson

LABELS = ("Benign", "Early", "Pre", "Pro")


# Reference values: statsmodels.stats.proportion.proportion_confint(..., method="wilson").
@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [(0, 10, 0.0, 0.27753), (8, 10, 0.49016, 0.94332), (10, 10, 0.72247, 1.0), (1, 1, 0.20655, 1.0)],
)
def test_wilson_intervals_are_the_published_ones(count: int, total: int, low: float, high: float) -> None:
    share = wilson(count, total)
    assert share.low == pytest.approx(low, abs=1e-5)
    assert share.high == pytest.approx(high, abs=1e-5)


def test_from_the_minimum_on_no_interval_is_wider_than_a_fifth_to_either_side() -> None:
    def widest(total: int) -> float:
        return max((s.high - s.low) / 2 for s in (wilson(count, total) for count in range(total + 1)))

    assert widest(MINIMUM_ACCEPTED_FIELDS) <= 0.2 < widest(MINIMUM_ACCEPTED_FIELDS - 1)


def _field(label: str | None, verdict: Verdict, side: TriageGroup | None, triage: Verdict) -> FieldAnswer:
    return FieldAnswer(label, verdict, side, triage)


BENIGN = _field("Benign", "accepted", "benign", "accepted")
BLAST = _field("Early", "uncertain", "malignant", "accepted")  # what a new slide often gives: a side, no pattern


def test_the_report_rests_on_triage_and_patterns_are_counted_apart() -> None:
    specimen = summarise([BENIGN] * 10 + [BLAST] * 30 + [_field("Pre", "accepted", "malignant", "accepted")], LABELS)
    assert specimen.sufficient
    assert specimen.verdicts == {"accepted": 41, "uncertain": 0, "out_of_distribution": 0}
    assert specimen.malignant is not None
    assert (specimen.malignant.count, specimen.patterns_accepted) == (31, 11)
    assert (specimen.labels["Benign"].count, specimen.labels["Early"].count) == (10, 0)


def test_a_field_out_of_distribution_counts_in_no_share_whatever_stands_beside_it() -> None:
    strange = [
        _field("Pro", "accepted", "malignant", "out_of_distribution"),
        _field("Pro", "out_of_distribution", "malignant", "accepted"),
        _field(None, "out_of_distribution", None, "out_of_distribution"),
    ]
    specimen = summarise([BENIGN] * 30 + strange, LABELS)
    assert specimen.verdicts == {"accepted": 30, "uncertain": 0, "out_of_distribution": 3}
    assert specimen.malignant == wilson(0, 30)
    assert specimen.labels["Pro"].count == 0


def test_without_triage_the_report_rests_on_the_pattern() -> None:
    specimen = summarise([FieldAnswer("A", "accepted")] * 25 + [FieldAnswer("B", "uncertain")], ("A", "B"))
    assert specimen.sufficient
    assert (specimen.malignant, specimen.labels["A"].count) == (None, 25)


def test_a_model_that_abstains_on_most_fields_gives_no_evidence() -> None:
    unsure = _field("Pre", "uncertain", "malignant", "uncertain")
    assert summarise([BENIGN] * 30 + [unsure] * 30, LABELS).sufficient
    specimen = summarise([BENIGN] * 30 + [unsure] * 31, LABELS)
    assert not specimen.sufficient
    assert "31 of 61" in specimen.reason


def test_what_one_specimen_can_prove_is_said() -> None:
    assert "no independent samples" in LIMITS
    assert "no diagnosis" in LIMITS
