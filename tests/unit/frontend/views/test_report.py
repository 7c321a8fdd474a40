from streamlit.testing.v1 import AppTest

from frontend.wording import NO_BREAK
from tests.unit.frontend.conftest import FakeClient, open_view, png, words


def with_fields(page: AppTest, count: int) -> AppTest:
    files = [(f"{number}.png", png((number * 10, 0, 0)), "image/png") for number in range(count)]
    return page.file_uploader[0].set_value(files).run()


def test_without_fields_it_says_what_to_do(page: AppTest):
    open_view(page, "report")
    assert "classify the fields of one smear first" in words(page)


def test_fields_are_summed_up(page: AppTest, client: FakeClient):
    with_fields(page, 3)
    open_view(page, "report")
    assert not page.exception
    assert [metric.value for metric in page.metric] == ["3", "3", "0", "0"]
    assert client.REASON in words(page)
    assert len(client.reported[0]) == 3


def test_shares_are_shown_only_with_sufficient_evidence(page: AppTest, client: FakeClient):
    with_fields(page, 3)
    open_view(page, "report")
    assert "Shares among the accepted fields" not in words(page)
    client.sufficient = True
    page.multiselect[0].select(page.multiselect[0].options[0]).run()
    assert "Shares among the accepted fields" in words(page)


def test_a_field_can_be_left_out(page: AppTest, client: FakeClient):
    with_fields(page, 3)
    open_view(page, "report")
    page.multiselect[0].select(page.multiselect[0].options[0]).run()
    assert page.metric[0].value == "2"


def test_the_api_is_asked_once_for_the_same_fields(page: AppTest, client: FakeClient):
    with_fields(page, 2)
    open_view(page, "report")
    page.text_input[0].set_value("Specimen 7").run()
    assert len(client.reported) == 1


def test_without_the_api_there_is_a_way_to_try_again(page: AppTest, client: FakeClient):
    with_fields(page, 2)
    client.reachable = False
    open_view(page, "report")
    assert "No report" in words(page)
    client.reachable = True
    next(button for button in page.button if button.label == "Try again").click().run()
    assert page.metric[0].value == "2"


def test_the_gallery_begins_with_the_most_malignant_field(page: AppTest, client: FakeClient):
    client.malignant = dict(zip((png((number * 10, 0, 0)) for number in range(4)), (0.2, 0.9, 0.5, 0.7), strict=True))
    with_fields(page, 4)
    open_view(page, "report")
    captions = [caption.value for caption in page.caption if caption.value.startswith("No. ")]
    assert captions == ["No. 1 · 1\\.png", "No. 2 · 3\\.png", "No. 3 · 2\\.png", "No. 4 · 0\\.png"]


def test_an_unknown_field_claims_no_malignancy(page: AppTest, client: FakeClient):
    client.verdict = "out_of_distribution"
    with_fields(page, 1)
    open_view(page, "report")
    assert "not known" in words(page)
    assert "malignant 99.0" not in words(page).replace(NO_BREAK, " ")
