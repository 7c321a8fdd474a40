import base64

from streamlit.testing.v1 import AppTest

from tests.unit.frontend.conftest import FakeClient, open_view, png, words


def review(page: AppTest, data: bytes | None = None) -> AppTest:
    page.file_uploader[0].set_value([("smear.png", data or png(), "image/png")]).run()
    return open_view(page, "review")


def send(page: AppTest) -> AppTest:
    return next(button for button in page.button if button.label == "Send").click().run()


def test_without_fields_it_says_what_to_do(page: AppTest):
    open_view(page, "review")
    assert "classify some fields first" in words(page)


def test_agreement_is_one_click(page: AppTest, client: FakeClient):
    review(page)
    send(page)
    assert client.feedbacks[0].label == "Pre"
    assert "you said **Pre**" in words(page)


def test_a_correction_is_sent_without_the_image(page: AppTest, client: FakeClient):
    review(page)
    page.radio[0].set_value("Early")
    send(page)
    given = client.feedbacks[0]
    assert (given.request_id, given.label) == ("request-1", "Early")
    assert (given.consent, given.image_base64, given.upload_id) == (False, None, None)
    assert "you said **Early**" in words(page)


def test_the_models_label_is_proposed_where_it_was_accepted(page: AppTest):
    review(page)
    assert page.radio[0].value == "Pre"


def test_an_uncertain_field_proposes_nothing_and_wants_a_choice(page: AppTest, client: FakeClient):
    client.verdict = "uncertain"
    review(page)
    assert page.radio[0].value is None
    send(page)
    assert "Choose a label first" in words(page)
    assert client.feedbacks == []


def test_with_consent_the_image_goes_along(page: AppTest, client: FakeClient):
    review(page)
    page.checkbox[0].check()
    send(page)
    given = client.feedbacks[0]
    assert given.consent
    assert given.image_base64 == base64.b64encode(png()).decode()


def test_a_large_image_goes_by_an_upload(page: AppTest, client: FakeClient):
    large = png() + bytes(3_100_000)
    review(page, large)
    page.checkbox[0].check()
    send(page)
    assert client.feedbacks[0].image_base64 is None
    assert client.feedbacks[0].upload_id == "f" * 32
    assert client.uploaded == [large]


def test_a_refusal_is_shown_and_nothing_counts_as_stored(page: AppTest, client: FakeClient):
    review(page)
    client.reachable = False
    send(page)
    assert "Not stored" in words(page)
    assert "Your label is still here: send it again" in words(page)
    assert "you said" not in words(page)
