import re

from streamlit.testing.v1 import AppTest

from frontend.wording import NO_BREAK
from tests.unit.frontend.conftest import MODEL_SHA256, FakeClient, open_view, words
from tests.unit.frontend.evaluation import sample


def tables(page: AppTest) -> str:
    return " ".join(table.value.to_string() for table in page.table).replace(NO_BREAK, " ")


def headings(page: AppTest) -> list[str]:
    return [heading.value for heading in [*page.header, *page.subheader]]


def charts(page: AppTest) -> list[str]:
    """Give each chart's words for a reader who does not see it."""
    return [chart.proto.alt.replace(NO_BREAK, " ") for chart in page.get("vega_lite_chart")]


def test_the_card_is_shown_with_its_limits(page: AppTest):
    open_view(page, "model")
    assert not page.exception
    assert MODEL_SHA256 in words(page)
    assert "one public data set of one laboratory" in words(page)
    assert "9.8.7" in [metric.value for metric in page.metric]


def test_the_evidence_is_shown_with_its_intervals_and_the_shortcut_audit(page: AppTest, client: FakeClient):
    client.evaluation = sample.as_json()
    open_view(page, "model")
    assert not page.exception
    assert "95.1 % (93.1 to 97.1)" in tables(page)
    assert "Shortcut audit: what the model adds" in headings(page)
    assert "**+6.1 points** against the best shortcut (Mean colour)" in words(page)
    assert "**-4.8 points**, worse than" in words(page)
    assert "Blood smears of another laboratory (BCCD)" in tables(page)
    assert "d" * 64 in words(page)


def test_every_chart_has_words(page: AppTest, client: FakeClient):
    client.evaluation = sample.as_json()
    open_view(page, "model")
    starts = [words.split(":")[0] for words in charts(page)]
    assert starts == [
        *["Balanced accuracy"] * 3,
        *("Confusion matrix", "Reliability", "Risk and coverage"),
        "Balanced accuracy on changed images",
    ]


def test_details_are_of_the_chosen_protocol(page: AppTest, client: FakeClient):
    client.evaluation = sample.as_json()
    open_view(page, "model")
    before = next(one for one in charts(page) if one.startswith("Confusion"))
    page.segmented_control(key="protocol").set_value("slides").run()
    assert not page.exception
    after = next(one for one in charts(page) if one.startswith("Confusion"))
    assert f"{sample.measured().protocols['slides'].confusion[0][0]} called Benign" in after
    assert after != before


def test_without_an_evaluation_the_page_says_so(page: AppTest):
    open_view(page, "model")
    assert "carries no evaluation" in words(page)


def test_figures_of_an_older_card_are_shown(page: AppTest, client: FakeClient):
    client.evaluation = {
        "protocol": "one run held out",
        "held_out": {"accuracy": 0.9324675, "sensitivity": {"Benign": 0.9}, "accuracy_95": [0.91, 0.95]},
        "shortcut_audit": {"mean_colour": 0.89},
        "folds": [{"fold": 1, "balanced_accuracy": 0.86}],
        "strangers": {"bccd": {"images": 64, "out_of_distribution": 0.9, "accepted": 0.01}},
    }
    open_view(page, "model")
    assert not page.exception
    for figure in ("one run held out", "0.9325", "Benign 0.9", "0.91", "0.89", "0.86", "90.0 %"):
        assert figure in tables(page)


def test_what_cannot_be_read_is_named(page: AppTest, client: FakeClient):
    client.evaluation = sample.as_json() | {"strangers": "none"}
    open_view(page, "model")
    assert not page.exception
    assert "cannot read it: strangers" in words(page)


def test_without_the_api_there_is_a_way_to_try_again(page: AppTest, client: FakeClient):
    client.reachable = False
    open_view(page, "model")
    assert "cannot be read" in words(page)
    client.reachable = True
    next(button for button in page.button if button.label == "Try again").click().run()
    assert MODEL_SHA256 in words(page)


SENTENCE = re.compile(r"[a-z]{2,} [a-z]{2,} [a-z]{2,}")


def sentences(page: AppTest, language: str) -> set[str]:
    """Give what the Model view says in a language: all that is more than a name or a number."""
    page.session_state["language"] = language
    open_view(page, "model")
    assert not page.exception
    cells = [
        cell
        for table in page.table
        for cell in [*table.value.columns, *table.value.to_numpy().ravel(), *table.value.index]
    ]
    said = [*words(page).splitlines(), *headings(page), *charts(page), *map(str, cells)]
    return {text for text in said if SENTENCE.search(text)}


def test_all_that_the_view_says_is_said_in_german(page: AppTest, client: FakeClient):
    """What the card itself holds stays as it is: the fake one's words are too short to count as sentences."""
    client.evaluation = sample.as_json()
    english, german = sentences(page, "en"), sentences(page, "de")
    assert len(english) > 15
    assert english & german == set()
