import pytest

from inference.specimen import MINIMUM_ACCEPTED_FIELDS, summarise, wilson

LABELS = ("Benign", "Early", "Pre", "Pro")
MALIGNANT = ("Early", "Pre", "Pro")


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


def test_malignant_labels_are_counted_together() -> None:
    fields = [("Early", "accepted"), ("Pro", "accepted"), ("Benign", "accepted"), ("Pre", "uncertain")]
    specimen = summarise(fields, LABELS, MALIGNANT)
    assert specimen.malignant is not None
    assert specimen.malignant.count == 2
    assert sum(share.count for share in specimen.labels.values()) == 3


def test_a_model_that_abstains_on_most_fields_gives_no_evidence() -> None:
    answered = [("Benign", "accepted")] * 30
    assert summarise(answered + [("Pre", "uncertain")] * 30, LABELS, MALIGNANT).sufficient
    specimen = summarise(answered + [("Pre", "uncertain")] * 31, LABELS, MALIGNANT)
    assert not specimen.sufficient
    assert "31 of 61" in specimen.reason
