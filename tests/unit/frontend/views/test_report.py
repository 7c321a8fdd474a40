import pytest
from streamlit.testing.v1 import AppTest

from frontend.views.report import stem_of
from frontend.workspace import Review
from tests.unit.frontend.conftest import FakeClient, desk, open_view, png, upload, words


def with_fields(page: AppTest, count: int) -> AppTest:
    return upload(page, *[(f"{number}.png", png((number * 10, 0, 0))) for number in range(count)])


def metrics(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def test_without_fields_it_says_what_to_do(page: AppTest):
    open_view(page, "report")
    assert "classify the fields of one smear first" in words(page)


def test_the_finding_comes_first_with_what_it_rests_on(page: AppTest, client: FakeClient):
    with_fields(page, 3)
    open_view(page, "report")
    assert not page.exception
    assert page.header[0].value == "Malignant: seen in 3 of 3 fields"
    assert metrics(page) == {"Fields": "3", "Malignant": "3"}
    assert client.REASON in words(page)
    assert "3 dropped: 3 read" in words(page)
    assert len(client.reported[0]) == 3


def test_a_part_of_a_specimen_never_passes_for_the_whole(page: AppTest):
    with_fields(page, 2)
    desk(page).workspace.add("waits.png", png((9, 9, 9)))
    open_view(page, "report")
    assert "Files not read yet: 1" in words(page)
    assert "3 dropped: 2 read, 1 waiting" in words(page)


def test_files_that_were_not_read_are_told(page: AppTest):
    upload(page, ("a.png", png()), ("broken.png", b"no image"))
    open_view(page, "report")
    assert "Files that were not read: 1" in words(page)


def test_different_malignant_patterns_are_doubted(page: AppTest):
    with_fields(page, 2)
    first = desk(page).workspace.of("answered")[0]
    desk(page).workspace.set_review(first.key, Review("Pro"))
    open_view(page, "report")
    assert "different malignant patterns: pre-B, pro-B" in words(page)


def test_a_correction_counts(page: AppTest):
    with_fields(page, 2)
    first = desk(page).workspace.of("answered")[0]
    desk(page).workspace.set_review(first.key, Review("Benign"))
    open_view(page, "report")
    assert metrics(page) == {"Fields": "2", "Malignant": "1", "Benign": "1"}
    assert "labelled otherwise than by the model: 1" in words(page)


def test_shares_are_shown_only_with_sufficient_evidence(page: AppTest, client: FakeClient):
    with_fields(page, 3)
    open_view(page, "report")
    assert "Shares among the accepted fields" not in [one.value for one in page.subheader]
    client.sufficient = True
    page.multiselect[0].select(page.multiselect[0].options[0]).run()
    assert "Shares among the accepted fields" in [one.value for one in page.subheader]


def test_what_is_entered_is_kept_when_another_view_is_visited(page: AppTest):
    with_fields(page, 3)
    open_view(page, "report")
    page.multiselect[0].select(page.multiselect[0].options[0]).run()
    page.text_input(key="report-specimen").set_value("Case 12/ü").run()
    page.text_input(key="report-reader").set_value("A. B.").run()
    open_view(page, "model")
    open_view(page, "report")
    assert metrics(page)["Fields"] == "2"
    assert page.text_input(key="report-specimen").value == "Case 12/ü"
    assert page.text_input(key="report-reader").value == "A. B."


def test_the_api_is_asked_once_for_the_same_fields(page: AppTest, client: FakeClient):
    with_fields(page, 2)
    open_view(page, "report")
    page.text_input(key="report-specimen").set_value("Specimen 7").run()
    assert len(client.reported) == 1


def test_without_the_api_there_is_a_way_to_try_again_and_no_address(page: AppTest, client: FakeClient):
    with_fields(page, 2)
    client.reachable = False
    open_view(page, "report")
    assert "No report" in words(page)
    assert "127.0.0.1" not in words(page)
    client.reachable = True
    next(button for button in page.button if button.label == "Try again").click().run()
    assert metrics(page)["Fields"] == "2"


def test_fields_that_decide_come_first_with_the_numbers_of_every_view(page: AppTest, client: FakeClient):
    client.malignant = dict(zip((png((number * 10, 0, 0)) for number in range(4)), (0.2, 0.9, 0.6, 0.7), strict=True))
    with_fields(page, 4)
    open_view(page, "report")
    table = page.table[0].value
    assert list(table["No."]) == [2, 4, 3, 1]
    assert [said.split(" ")[0] for said in table["Finding"]] == ["Malignant", "Malignant", "Malignant", "Benign"]


def test_an_unknown_field_claims_nothing(page: AppTest, client: FakeClient):
    client.verdict = "out_of_distribution"
    with_fields(page, 1)
    open_view(page, "report")
    assert page.header[0].value == "No finding: too few fields"
    assert list(page.table[0].value["Finding"]) == ["Not known to the model"]


@pytest.mark.parametrize(
    ("name", "stem"), [("Case 12/ü", "Case-12-ü"), ("../../etc", "etc"), ("", "specimen"), ("血液 7", "血液-7")]
)
def test_a_specimens_name_loses_no_letter_as_a_files_name(name: str, stem: str):
    assert stem_of(name) == stem
