from frontend.evaluation import wording
from frontend.evaluation.evidence import Estimate, read
from frontend.wording import NO_BREAK
from tests.unit.frontend.evaluation import sample

LABELS = list(sample.LABELS)


def plain(text: str) -> str:
    return text.replace(NO_BREAK, " ")


def test_an_estimate_comes_with_its_interval():
    assert plain(wording.estimate(Estimate(value=0.9514, low=0.93, high=0.97))) == "95.1 % (93.0 to 97.0)"
    assert plain(wording.estimate(Estimate(value=0.5))) == "50.0 %"
    assert wording.estimate(Estimate(value=0.021, low=0.015, high=0.027), plain=True) == "0.021 (0.015 to 0.027)"
    assert wording.estimate(None) == "not measured"


def test_a_tiny_number_has_no_exponent():
    assert wording.tiny(5.66e-6) == "0.000006"
    assert wording.tiny(0.0) == "0"


def test_the_gain_is_against_the_best_shortcut_and_a_loss_is_called_one():
    evidence = read(sample.as_json())
    assert wording.gain(evidence, "contiguous") == "**+6.1 points** against the best shortcut (Mean colour)."
    assert wording.gain(evidence, "slides") == "**-4.8 points**, worse than the best shortcut (Mean colour)."
    assert wording.gain(read(sample.as_json() | {"shortcuts": {}}), "slides") == ""


def test_charts_are_told_in_words():
    evidence = read(sample.as_json())
    contiguous = evidence.protocols["contiguous"]
    said = plain(wording.comparison(evidence, "contiguous"))
    assert "model 95.1 % (93.1 to 97.1)" in said
    assert "Mean colour alone 89.0 %" in said
    wrong = contiguous.confusion[0][1]
    assert f"of 500 Benign: {500 - wrong} called Benign, {wrong} called Early" in wording.confusion(contiguous, LABELS)
    assert "100.0 % answered, 5.0 % wrong" in plain(wording.risk(contiguous))
    assert "right" in wording.reliability(contiguous)
    assert "Not changed 95.1 %" in plain(wording.robustness(evidence))
