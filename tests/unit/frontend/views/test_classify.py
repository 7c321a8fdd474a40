from streamlit.testing.v1 import AppTest

from api.schemas import RESEARCH_USE_WARNING
from frontend.wording import TRY_LATER
from tests.unit.frontend.conftest import UNREADABLE, FakeClient, open_view, png, words


def upload(page: AppTest, *files: tuple[str, bytes]) -> AppTest:
    return page.file_uploader[0].set_value([(name, data, "image/png") for name, data in files]).run()


def test_an_upload_shows_its_label_and_what_to_do(page: AppTest):
    upload(page, ("smear.png", png()))
    assert not page.exception
    assert "Pre" in [heading.value for heading in page.header]
    assert "97.0 %" in words(page)
    assert "Accepted" in words(page)
    assert "**Next:**" in words(page)


def test_the_research_use_notice_is_there_before_and_after(page: AppTest):
    assert RESEARCH_USE_WARNING in words(page)
    assert RESEARCH_USE_WARNING in words(upload(page, ("smear.png", png())))


def test_an_uncertain_field_gets_no_label(client: FakeClient, page: AppTest):
    client.verdict = "uncertain"
    upload(page, ("smear.png", png()))
    assert "No label" in [heading.value for heading in page.header]
    assert "Pre" not in [heading.value for heading in page.header]
    assert "not to be used" in words(page)


def test_a_strange_image_says_that_its_probabilities_mean_nothing(client: FakeClient, page: AppTest):
    client.verdict = "out_of_distribution"
    upload(page, ("cat.png", png()))
    assert "Not known to the model" in words(page)
    assert "No label" in [heading.value for heading in page.header]


def test_a_refused_file_is_named_with_the_reason_and_the_others_go_on(page: AppTest):
    upload(page, ("broken_one.png", b"not an image"), ("good.png", png()))
    assert UNREADABLE in words(page)
    assert "broken\\_one" in words(page)
    assert "Pre" in [heading.value for heading in page.header]


def test_without_the_api_the_upload_is_kept_and_tried_again(client: FakeClient, page: AppTest):
    client.reachable = False
    upload(page, ("smear.png", png()))
    assert "got no answer" in words(page)
    assert "Your images are still here" in words(page)
    assert TRY_LATER in words(page)
    assert "Try again" in [button.label for button in page.button]

    client.reachable = True
    next(button for button in page.button if button.label == "Try again").click().run()
    assert "Pre" in [heading.value for heading in page.header]
    assert "got no answer" not in words(page)


def test_the_same_image_twice_is_one_field(client: FakeClient, page: AppTest):
    upload(page, ("first.png", png()))
    upload(page, ("second.png", png()))
    assert len(client.asked) == 1


def test_a_sample_is_one_click_and_is_labelled_synthetic(page: AppTest):
    next(button for button in page.button if button.label == "Pre 1").click().run()
    assert "**synthetic**" in words(page)
    assert "Pre" in [heading.value for heading in page.header]


def test_clear_all_forgets_the_fields(page: AppTest):
    upload(page, ("smear.png", png()))
    next(button for button in page.button if button.label == "Clear all").click().run()
    assert "Pre" not in [heading.value for heading in page.header]


def test_two_sessions_do_not_see_each_other(client: FakeClient, page: AppTest):
    upload(page, ("smear.png", png()))
    other = AppTest.from_file(page._script_path, default_timeout=300).run()
    assert "Pre" not in [heading.value for heading in other.header]


def test_many_fields_are_paged(page: AppTest):
    upload(page, *[(f"{number}.png", png((number, 0, 0))) for number in range(23)])
    assert "23 fields" in [heading.value for heading in page.header]
    assert len([heading for heading in page.header if heading.value == "Pre"]) == 10


def test_files_that_arrive_late_do_not_take_their_reader_away_from_another_view(page: AppTest):
    """The browser names the view of the uploader, although another one was chosen before the files were there."""
    open_view(page, "")
    classify, uploader_is_shown = page._page_hash, page._tree
    open_view(page, "model")
    page._page_hash, page._tree = classify, uploader_is_shown
    upload(page, ("smear.png", png()))
    assert [title.value for title in page.title] == ["Model"]
    open_view(page, "")
    assert "1 field" in [heading.value for heading in page.header]
