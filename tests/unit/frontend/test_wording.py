import typing

from api.schemas import Verdict
from frontend.wording import NO_BREAK, PATTERNS, VERDICTS, percent


def test_every_verdict_has_words():
    assert set(VERDICTS) == set(typing.get_args(Verdict))


def test_verdicts_differ_without_colour():
    assert len({words.icon for words in VERDICTS.values()}) == len(VERDICTS)
    assert len({words.title for words in VERDICTS.values()}) == len(VERDICTS)


def test_nothing_claims_a_diagnosis():
    said = " ".join(words.meaning + words.next_step for words in VERDICTS.values()) + " ".join(PATTERNS.values())
    assert "diagnos" not in said.lower()


def test_a_percentage_never_claims_certainty():
    assert percent(1.0) == f"over 99.9{NO_BREAK}%"
    assert percent(0.0) == f"under 0.1{NO_BREAK}%"
    assert percent(0.123) == f"12.3{NO_BREAK}%"
