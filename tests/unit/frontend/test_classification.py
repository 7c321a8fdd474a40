import threading
from typing import Any

import httpx
import pytest

from api.schemas import Prediction
from client import UnreachableError
from client.errors import service_error
from frontend import classification
from frontend.classification import NOT_ALLOWED, SILENT, Batch
from frontend.workspace import Review, Workspace
from tests.unit.frontend.conftest import MODEL, MODEL_SHA256, OTHER_MODEL, SHA256, FakeClient, png


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classification, "PAUSES_S", (0.001, 0.001))


@pytest.fixture
def workspace() -> Workspace:
    return Workspace(limit_bytes=1_000_000)


def fill(workspace: Workspace, count: int) -> None:
    for number in range(count):
        workspace.add(f"{number}.png", png((number, 0, 0)))


def test_every_field_is_read_and_the_heat_map_kept_small(workspace: Workspace):
    client, batch = FakeClient(), Batch(workspace)
    batch.connect(client, 3)
    fill(workspace, 7)
    batch.start()
    batch.wait()
    assert len(workspace.of("answered")) == 7
    assert all(one.heat and one.answer.explanation is None for one in workspace.of("answered"))
    assert workspace.card is not None


def test_an_unknown_field_has_no_heat_map(workspace: Workspace):
    client, batch = FakeClient(), Batch(workspace)
    client.verdict = "out_of_distribution"
    batch.connect(client, 1)
    fill(workspace, 1)
    batch.start()
    batch.wait()
    assert workspace.of("answered")[0].heat is None


def test_an_api_that_comes_back_costs_nothing(workspace: Workspace):
    client, batch = FakeClient(), Batch(workspace)
    calls = 0

    def predict(data: bytes, **asked: Any) -> Prediction:
        nonlocal calls
        calls += 1
        if calls in (2, 3):
            raise UnreachableError("No answer from http://10.0.0.7:8000")
        return FakeClient().predict(data, **asked)

    client.predict = predict  # type: ignore[method-assign]
    batch.connect(client, 1)
    fill(workspace, 3)
    batch.start()
    batch.wait()
    assert workspace.ledger().in_words() == "3 dropped: 3 read"
    assert workspace.trouble == ""


class Refusing(FakeClient):
    """Lets nobody in."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status

    def predict(self, data: bytes, explain: bool = False, **asked: Any) -> Prediction:
        self.asked.append(data)
        raise service_error(httpx.Response(self.status))


def test_fields_wait_while_their_reader_signs_in_again(workspace: Workspace):
    refusing, batch = Refusing(401), Batch(workspace)
    batch.connect(refusing, 2, signed_in=True)
    fill(workspace, 5)
    batch.start()
    batch.wait()
    assert batch.expired
    assert workspace.ledger().in_words() == "5 dropped: 0 read, 5 waiting"
    asked = len(refusing.asked)
    batch.resume()
    batch.wait()
    assert len(refusing.asked) == asked <= 2
    batch.connect(FakeClient(), 2, signed_in=True)
    batch.resume()
    batch.wait()
    assert not batch.expired
    assert workspace.ledger().in_words() == "5 dropped: 5 read"


@pytest.mark.parametrize(("status", "signed_in"), [(401, False), (403, False), (403, True)])
def test_who_cannot_help_it_by_signing_in_is_not_sent_to_do_so(workspace: Workspace, status: int, signed_in: bool):
    batch = Batch(workspace)
    batch.connect(Refusing(status), 1, signed_in=signed_in)
    fill(workspace, 1)
    batch.start()
    batch.wait()
    assert not batch.expired
    assert workspace.unread() == [("0.png", NOT_ALLOWED)]


def test_an_api_that_stays_away_is_told_without_its_address(workspace: Workspace):
    client, batch = FakeClient(), Batch(workspace)
    client.reachable = False
    batch.connect(client, 1)
    fill(workspace, 1)
    batch.start()
    batch.wait()
    assert workspace.ledger().in_words() == "1 dropped: 0 read, 1 without an answer"
    assert workspace.unread() == [("0.png", SILENT)]


def test_a_batch_that_is_stopped_leaves_the_rest_waiting_and_goes_on(workspace: Workspace):
    client, batch = FakeClient(), Batch(workspace)
    begun, may_end = threading.Event(), threading.Event()

    def predict(data: bytes, **asked: Any) -> Prediction:
        begun.set()
        may_end.wait(30)
        return FakeClient().predict(data, **asked)

    client.predict = predict  # type: ignore[method-assign]
    batch.connect(client, 1)
    fill(workspace, 3)
    batch.start()
    begun.wait(30)
    batch.stop()
    batch.resume()
    may_end.set()
    batch.wait()
    assert workspace.ledger().in_words() == "3 dropped: 1 read, 2 waiting"
    batch.start()
    batch.wait()
    assert workspace.ledger().in_words() == "3 dropped: 3 read"


def test_a_field_that_comes_while_the_last_one_is_read_is_read_too(workspace: Workspace):
    client, batch = FakeClient(), Batch(workspace)
    batch.connect(client, 4)
    for number in range(40):
        workspace.add(f"{number}.png", png((number, 0, 0)))
        batch.resume()
    batch.wait()
    assert len(workspace.of("answered")) == 40


def test_an_answer_stands_without_a_picture(workspace: Workspace):
    client, batch = FakeClient(), Batch(workspace)
    batch.connect(client, 1)
    workspace.add("odd.png", b"\x89PNG\r\n\x1a\n and nothing that can be drawn")
    batch.start()
    batch.wait()
    assert workspace.of("answered")[0].preview is None


def test_the_chosen_model_and_the_pixel_size_go_along_and_older_answers_can_be_had_anew(workspace: Workspace):
    client, batch = FakeClient(), Batch(workspace)
    client.listed = [MODEL, OTHER_MODEL]
    batch.connect(client, 1)
    fill(workspace, 2)
    batch.start()
    batch.wait()
    workspace.set_review(workspace.of("answered")[0].key, Review("Pre"))
    assert workspace.outdated() == []
    workspace.choose_model(MODEL)
    assert workspace.outdated() == []  # by name or by default, it is the same
    workspace.choose_model(OTHER_MODEL)
    workspace.set_pixel_size(0.1)
    assert len(workspace.outdated()) == 2
    workspace.ask_anew()
    batch.start()
    batch.wait()
    assert client.asked_how == [(None, None)] * 2 + [(OTHER_MODEL, 0.1)] * 2
    assert {one.answer.model.name for one in workspace.of("answered")} == {OTHER_MODEL}
    assert workspace.of("answered")[0].review is not None
    assert workspace.outdated() == []


def test_a_model_that_the_service_has_not_is_no_choice(workspace: Workspace):
    batch = Batch(workspace)
    batch.connect(FakeClient(), 1)
    batch.wait()
    with pytest.raises(KeyError):
        workspace.choose_model(OTHER_MODEL)
    with pytest.raises(ValueError, match="micrometres"):
        workspace.set_pixel_size(0.0)


def test_each_answer_is_read_with_the_card_of_its_own_model(workspace: Workspace):
    client, batch = FakeClient(), Batch(workspace)
    client.listed = [MODEL, OTHER_MODEL]
    batch.connect(client, 1)
    fill(workspace, 1)
    batch.start()
    batch.wait()
    first = workspace.of("answered")[0].answer
    workspace.choose_model(OTHER_MODEL)
    workspace.add("b.png", png((9, 9, 9)))
    batch.start()
    batch.wait()
    second = workspace.of("answered")[1].answer
    cards = [workspace.card_of(first), workspace.card_of(second)]
    assert [card.sha256 for card in cards if card] == [MODEL_SHA256, SHA256[OTHER_MODEL]]
