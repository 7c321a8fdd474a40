from streamlit.testing.v1 import AppTest

from tests.unit.frontend.conftest import MODEL, OTHER_MODEL, FakeClient, desk, open_view, png, upload, words


def both(page: AppTest, client: FakeClient) -> AppTest:
    """Have three fields answered by a service of two models, of which the second turns the last two over."""
    client.listed = [MODEL, OTHER_MODEL]
    desk(page).workspace.learn_models(client.models())
    client.malignant = {png((1, 0, 0)): 0.5}
    upload(page, *[(f"{number}.png", png((number, 0, 0))) for number in range(1, 4)])
    return open_view(page, "model")


def compare(page: AppTest) -> AppTest:
    return next(button for button in page.button if button.label == "Compare on my fields").click().run()


def test_two_models_are_compared_on_the_readers_own_fields(page: AppTest, client: FakeClient):
    both(page, client)
    asked = len(client.asked)
    compare(page)
    assert not page.exception
    assert [how[0] for how in client.asked_how[asked:]] == [OTHER_MODEL] * 3
    assert "Both say the same of **1** of 3 fields" in words(page)
    counted, differing = (table.value for table in page.table[:2])
    assert list(counted[MODEL]) == ["Malignant", "Benign"]
    assert list(counted["Fields"]) == ["2", "1"]
    assert list(differing["No."]) == ["2", "3"]
    compare(page)
    assert len(client.asked) == asked + 3  # what was answered is not asked for again


def test_an_outage_costs_the_comparison_nothing(page: AppTest, client: FakeClient):
    both(page, client)
    client.reachable = False
    compare(page)
    client.reachable = True
    compare(page)
    assert "of 3 fields" in words(page)


def test_one_model_alone_is_compared_with_none(page: AppTest):
    upload(page, ("a.png", png()))
    open_view(page, "model")
    assert [button.label for button in page.button] == []
