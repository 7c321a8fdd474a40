import base64

from streamlit.testing.v1 import AppTest

from frontend.workspace import Review
from tests.unit.frontend.conftest import MODEL, OTHER_MODEL, FakeClient, desk, open_view, png, upload, words


def review(page: AppTest, *images: bytes) -> AppTest:
    upload(page, *[(f"{number}.png", image) for number, image in enumerate(images or (png(),))])
    return open_view(page, "review")


def send(page: AppTest) -> AppTest:
    return next(button for button in page.button if button.label == "Send and go on").click().run()


def test_without_fields_it_says_what_to_do(page: AppTest):
    open_view(page, "review")
    assert "classify some fields first" in words(page)


def test_a_name_stays_in_the_pictures_text(page: AppTest):
    upload(page, ('"><b>x</b>.png', png()))
    open_view(page, "review")
    (shown,) = [element.proto.body for element in page.get("html") if "<img" in element.proto.body]
    assert shown.endswith('alt="Smear field &quot;&gt;&lt;b&gt;x&lt;/b&gt;.png">')


def test_agreement_is_one_click(page: AppTest, client: FakeClient):
    review(page)
    send(page)
    assert client.feedbacks[0].label == "Pre"
    assert "you said **pre-B**" in words(page)


def test_a_correction_is_sent_without_the_image(page: AppTest, client: FakeClient):
    review(page)
    page.radio[0].set_value("Early")
    send(page)
    given = client.feedbacks[0]
    assert (given.request_id, given.label) == ("request-1", "Early")
    assert (given.consent, given.image_base64, given.upload_id) == (False, None, None)
    assert "you said **early pre-B**" in words(page)


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


def test_a_reviewed_field_proposes_what_its_reader_said(page: AppTest):
    review(page)
    page.radio[0].set_value("Early")
    send(page)
    open_view(page, "model")
    open_view(page, "review")
    assert page.radio[0].value == "Early"


def test_sending_goes_on_to_the_next_field_and_asks_for_the_name_once(page: AppTest, client: FakeClient):
    review(page, png((1, 0, 0)), png((2, 0, 0)))
    page.text_input[0].set_value("A. B.")
    send(page)
    assert "2: 1.png" in page.selectbox(key="review-field").options[1]
    assert page.selectbox(key="review-field").value == desk(page).workspace.of("answered")[1].key
    assert page.text_input[0].value == "A. B."
    send(page)
    assert [given.reviewer for given in client.feedbacks] == ["A. B.", "A. B."]


def test_labels_given_by_key_are_sent_together(page: AppTest, client: FakeClient):
    upload(page, ("a.png", png((1, 0, 0))), ("b.png", png((2, 0, 0))))
    for one, label in zip(desk(page).workspace.of("answered"), ("Pro", "Benign"), strict=True):
        desk(page).workspace.set_review(one.key, Review(label))
    open_view(page, "review")
    next(button for button in page.button if button.label.startswith("Send the labels")).click().run()
    assert [given.label for given in client.feedbacks] == ["Pro", "Benign"]
    assert all(one.review and one.review.sent for one in desk(page).workspace.of("answered"))


def test_the_least_certain_field_comes_first(page: AppTest, client: FakeClient):
    sure, unsure, between = png((1, 0, 0)), png((2, 0, 0)), png((3, 0, 0))
    client.malignant = {sure: 0.99, unsure: 0.6, between: 0.8}
    review(page, sure, unsure, between)
    assert [option.split(":")[0] for option in page.selectbox(key="review-field").options] == ["2", "3", "1"]


def test_a_class_of_ones_own_is_kept_and_sent(page: AppTest, client: FakeClient):
    label = desk(page).workspace.add_class("Smudge cell")
    client.listed = [MODEL, OTHER_MODEL]
    review(page)
    page.radio[0].set_value(label)
    send(page)
    given = client.feedbacks[0]
    assert (given.label, given.own_class, given.comment) == ("Smudge-cell", True, "Smudge cell")
    assert client.feedback_models == [MODEL]  # labels are of the model that answered
    kept = desk(page).workspace.of("answered")[0].review
    assert kept is not None
    assert (kept.label, kept.sent) == ("Smudge-cell", True)
    assert "you said **Smudge cell**" in words(page)
