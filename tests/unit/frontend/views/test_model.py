from streamlit.testing.v1 import AppTest

from tests.unit.frontend.conftest import MODEL_SHA256, FakeClient, open_view, words


def test_the_card_is_shown_with_its_limits(page: AppTest):
    open_view(page, "model")
    assert not page.exception
    assert MODEL_SHA256 in words(page)
    assert "one public data set of one laboratory" in words(page)
    assert "9.8.7" in [metric.value for metric in page.metric]


def test_figures_of_any_shape_are_shown(page: AppTest, client: FakeClient):
    client.evaluation = {
        "accuracy": 0.9324675,
        "by_label": {"Benign": {"sensitivity": 0.9}, "Early": {"sensitivity": 0.8}},
        "interval": [0.91, 0.95],
        "shortcut_audit": {"mean_colour": 0.89},
        "folds": [{"fold": 1, "balanced_accuracy": 0.86}],
    }
    open_view(page, "model")
    assert not page.exception
    tables = " ".join(table.value.to_string() for table in page.table)
    for figure in ("0.9325", "0.9", "0.91", "0.89", "0.86"):
        assert figure in tables


def test_without_the_api_there_is_a_way_to_try_again(page: AppTest, client: FakeClient):
    client.reachable = False
    open_view(page, "model")
    assert "cannot be read" in words(page)
    client.reachable = True
    next(button for button in page.button if button.label == "Try again").click().run()
    assert MODEL_SHA256 in words(page)
