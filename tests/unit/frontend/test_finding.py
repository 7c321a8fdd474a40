import pytest

from api.schemas import ModelSummary, Prediction
from frontend import finding
from frontend.wording import NO_BREAK
from tests.unit.frontend.conftest import FakeClient, png


def answer(verdict: str = "accepted", malignant: float = 0.97, possible: tuple[str, ...] = ("Pre",)) -> Prediction:
    client = FakeClient()
    client.verdict, client.malignant, client.possible = verdict, {png(): malignant}, list(possible)
    return client.predict(png())


@pytest.fixture
def card() -> ModelSummary:
    return FakeClient().model()


def test_the_finding_comes_first_then_certainty_then_the_pattern_in_words(card: ModelSummary):
    said = finding.read(answer(possible=("Early", "Pre")), card)
    assert (said.kind, said.title) == ("malignant", "Malignant")
    assert said.certainty == f"97{NO_BREAK}% sure"
    assert said.pattern == "early pre-B or pre-B"


def test_a_benign_field_is_as_sure_as_it_is_not_malignant(card: ModelSummary):
    said = finding.read(answer(malignant=0.06, possible=("Benign",)), card)
    assert (said.kind, said.certainty, said.pattern) == ("benign", f"94{NO_BREAK}% sure", "")


def test_an_unknown_field_tells_no_number(card: ModelSummary):
    said = finding.read(answer("out_of_distribution"), card)
    assert (said.kind, said.certainty, said.pattern) == ("unknown", "", "")
    assert said.reason == "The field is blurred."


def test_an_uncertain_field_is_not_decided(card: ModelSummary):
    said = finding.read(answer("uncertain"), card)
    assert (said.kind, said.title) == ("undecided", "Not decided")


def test_what_needs_eyes_first_has_the_lowest_rank(card: ModelSummary):
    given = [
        answer(malignant=0.99),
        answer(malignant=0.6),
        answer("uncertain"),
        answer("out_of_distribution"),
        answer(malignant=0.1),
    ]
    ranks = [finding.read(one, card).rank for one in given]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == len(ranks)


def test_classes_names_and_colours_are_the_cards(card: ModelSummary):
    known = finding.classes(card)
    assert [one.name for one in known] == ["benign", "early pre-B", "pre-B", "pro-B"]
    assert known[0].colour == "#0072B2"
    assert known[3].colour == finding.COLOURS[3]


def test_a_model_of_other_classes_without_sides_tells_the_pattern():
    given = FakeClient().model().model_dump()
    card = ModelSummary.model_validate(
        given
        | {
            "labels": ["Mono", "Lympho"],
            "malignant_labels": [],
            "classes": [{"id": "Mono", "name": "monocyte"}, {"id": "Lympho", "name": "lymphocyte"}],
        }
    )
    told = answer().model_copy(
        update={
            "triage": None,
            "prediction": answer().prediction.model_copy(update={"label": "Mono", "verdict": "accepted"}),
            "prediction_set": ["Mono"],
        }
    )
    said = finding.read(told, card)
    assert (said.kind, said.group, said.title) == ("pattern", "pattern:Mono", "Monocyte")


def test_without_a_card_labels_stand_for_themselves():
    assert [one.name for one in finding.classes(None, answer())] == ["Benign", "Early", "Pre", "Pro"]


def test_nothing_claims_a_diagnosis(card: ModelSummary):
    given = [answer(), answer("uncertain"), answer("out_of_distribution"), answer(malignant=0.1)]
    said = [finding.read(one, card) for one in given]
    assert "diagnos" not in " ".join(one.meaning + one.next_step + one.title for one in said).lower()
