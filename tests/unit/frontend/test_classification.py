import threading

import pytest

from api.schemas import Prediction
from client import UnreachableError
from frontend import classification
from frontend.classification import SILENT, Batch
from frontend.workspace import Workspace
from tests.unit.frontend.conftest import FakeClient, png


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
    batch.connect(lambda data: client.predict(data, explain=True), client.model, 3)
    fill(workspace, 7)
    batch.start()
    batch.wait()
    assert len(workspace.of("answered")) == 7
    assert all(one.heat and one.answer.explanation is None for one in workspace.of("answered"))
    assert workspace.card is not None


def test_an_unknown_field_has_no_heat_map(workspace: Workspace):
    client, batch = FakeClient(), Batch(workspace)
    client.verdict = "out_of_distribution"
    batch.connect(lambda data: client.predict(data, explain=True), client.model, 1)
    fill(workspace, 1)
    batch.start()
    batch.wait()
    assert workspace.of("answered")[0].heat is None


def test_an_api_that_comes_back_costs_nothing(workspace: Workspace):
    client, batch = FakeClient(), Batch(workspace)
    calls = 0

    def predict(data: bytes) -> Prediction:
        nonlocal calls
        calls += 1
        if calls in (2, 3):
            raise UnreachableError("No answer from http://10.0.0.7:8000")
        return client.predict(data)

    batch.connect(predict, client.model, 1)
    fill(workspace, 3)
    batch.start()
    batch.wait()
    assert workspace.ledger().in_words() == "3 dropped: 3 read"
    assert workspace.trouble == ""


def test_an_api_that_stays_away_is_told_without_its_address(workspace: Workspace):
    client, batch = FakeClient(), Batch(workspace)
    client.reachable = False
    batch.connect(client.predict, client.model, 1)
    fill(workspace, 1)
    batch.start()
    batch.wait()
    assert workspace.ledger().in_words() == "1 dropped: 0 read, 1 without an answer"
    assert workspace.unread() == [("0.png", SILENT)]


def test_a_batch_that_is_stopped_leaves_the_rest_waiting_and_goes_on(workspace: Workspace):
    client, batch = FakeClient(), Batch(workspace)
    begun, may_end = threading.Event(), threading.Event()

    def predict(data: bytes) -> Prediction:
        begun.set()
        may_end.wait(30)
        return client.predict(data)

    batch.connect(predict, client.model, 1)
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
    batch.connect(client.predict, client.model, 4)
    for number in range(40):
        workspace.add(f"{number}.png", png((number, 0, 0)))
        batch.resume()
    batch.wait()
    assert len(workspace.of("answered")) == 40


def test_an_answer_stands_without_a_picture(workspace: Workspace):
    client, batch = FakeClient(), Batch(workspace)
    batch.connect(client.predict, client.model, 1)
    workspace.add("odd.png", b"\x89PNG\r\n\x1a\n and nothing that can be drawn")
    batch.start()
    batch.wait()
    assert workspace.of("answered")[0].preview is None
