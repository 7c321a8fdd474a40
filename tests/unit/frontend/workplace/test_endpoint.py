import hashlib
import io
import json
import zipfile
from typing import Any

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

import intake
from api.schemas import ListedModel, ModelSummary, Prediction
from frontend import pictures
from frontend.gate import Owner
from frontend.visitors import COOKIE, SECURE_COOKIE
from frontend.workplace import assets, component, endpoint
from frontend.workplace.words import words
from frontend.workspace import MAX_FILE_BYTES
from frontend.workspaces import Desk, Workspaces
from tests.unit.frontend.conftest import MODEL, OTHER_MODEL, FakeClient, png

VISITOR, OTHER = "v" * 43, "o" * 43
ORIGIN = "http://page"
TAB = {endpoint.HEADER: "tab-1"}


@pytest.fixture
def workspaces() -> Workspaces:
    return Workspaces(60, 10_000_000)


@pytest.fixture
def desk(workspaces: Workspaces, client: FakeClient) -> Desk:
    held = workspaces.enter(VISITOR, "", 1_000_000)
    held.batch.connect(client, 2)
    return held


@pytest.fixture
def browser(workspaces: Workspaces, desk: Desk) -> TestClient:
    return TestClient(Starlette(routes=endpoint.routes(workspaces)), cookies={COOKIE: VISITOR})


def call(browser: TestClient, path: str, body: object = None, **headers: str) -> Any:
    return browser.post(f"{endpoint.URL}{path}", content=json.dumps(body), headers=TAB | headers)


def send(browser: TestClient, *files: tuple[str, bytes]) -> list[int]:
    """Announce files and send them; gives the statuses."""
    told = [{"id": f"file-{hashlib.md5(data).hexdigest()}", "name": name, "size": len(data)} for name, data in files]
    wanted = call(browser, "/files", {"files": told}).json()["send"]
    by_id = {one["id"]: data for one, (_, data) in zip(told, files, strict=True)}
    return [browser.put(f"{endpoint.URL}/files/{one}", content=by_id[one], headers=TAB).status_code for one in wanted]


def state(browser: TestClient, desk: Desk, since: int = 0) -> dict[str, Any]:
    desk.batch.wait()
    told: dict[str, Any] = browser.get(f"{endpoint.URL}/state?since={since}", headers=TAB).json()
    return told


def test_good_and_bad_files_dropped_together_are_all_told(browser: TestClient, desk: Desk):
    told = [{"id": "file-large", "name": "large.png", "size": MAX_FILE_BYTES + 1}]
    assert call(browser, "/files", {"files": told}).json() == {"send": []}
    assert send(browser, ("good.png", png()), ("words.txt", b"no image")) == [204, 204]
    known = state(browser, desk)
    assert {name: known["ledger"][name] for name in ("dropped", "read", "refused", "too_large")} == {
        "dropped": 3,
        "read": 1,
        "refused": 1,
        "too_large": 1,
    }
    assert [one["name"] for one in known["unread"]] == ["large.png", "words.txt"]


def test_a_file_that_a_proxy_refused_is_told(browser: TestClient, desk: Desk):
    call(browser, "/files", {"files": [{"id": "file-0001", "name": "a.png", "size": 9}]})
    call(browser, "/files/file-0001/loss", {"reason": "More than the way lets through.", "too_large": True})
    known = state(browser, desk)
    assert known["ledger"]["too_large"] == 1
    assert known["unread"] == [{"name": "a.png", "reason": "More than the way lets through."}]


def test_a_file_sent_twice_is_one(browser: TestClient, desk: Desk):
    assert send(browser, ("a.png", png())) == [204]
    told = f"file-{hashlib.md5(png()).hexdigest()}"
    assert browser.put(f"{endpoint.URL}/files/{told}", content=png(), headers=TAB).status_code == 204
    assert state(browser, desk)["ledger"]["dropped"] == 1


def test_without_room_a_file_is_asked_for_later_and_not_refused(browser: TestClient, desk: Desk, client: FakeClient):
    client.reachable = False
    desk.batch.stop()
    assert send(browser, ("a.png", bytes(700_000)), ("b.png", bytes([1]) * 700_000)) == [204, 503]
    assert desk.workspace.ledger().coming == 1


def test_only_what_has_changed_is_told(browser: TestClient, desk: Desk):
    send(browser, ("a.png", png((1, 0, 0))), ("b.png", png((2, 0, 0))))
    known = state(browser, desk)
    assert len(known["fields"]) == 2
    call(browser, f"/fields/{known['keys'][0]}", {"label": "Pro", "note": "near the edge"})
    (changed,) = state(browser, desk, known["revision"])["fields"]
    assert (changed["label"], changed["note"]) == ("Pro", "near the edge")


def test_an_unknown_field_is_told_without_a_number(browser: TestClient, desk: Desk, client: FakeClient):
    client.verdict = "out_of_distribution"
    send(browser, ("a.png", png()))
    (field,) = state(browser, desk)["fields"]
    assert field["finding"]["certainty"] == ""
    assert not any("%" in value for _, value in field["details"])
    assert field["heat"] is False


def test_classes_are_those_of_the_card(browser: TestClient, desk: Desk):
    send(browser, ("a.png", png()))
    names = [one["name"] for one in state(browser, desk)["classes"]]
    assert names == ["benign", "early pre-B", "pre-B", "pro-B", "none of these"]


def test_pictures_are_small_or_whole(browser: TestClient, desk: Desk):
    file = io.BytesIO()
    Image.effect_noise((900, 300), 50).convert("RGB").save(file, "TIFF")
    field = desk.workspace.add("a.tif", file.getvalue())
    field.preview = pictures.preview(file.getvalue())
    sizes = {}
    for kind in ("thumbnail", "preview", "whole"):
        answer = browser.get(f"{endpoint.URL}/fields/{field.key}/{kind}")
        assert answer.headers["content-type"] == "image/jpeg"
        assert "private" in answer.headers["cache-control"]
        sizes[kind] = Image.open(io.BytesIO(answer.content)).size[0]
    assert sizes == {"thumbnail": 200, "preview": 640, "whole": 900}
    assert browser.get(f"{endpoint.URL}/fields/{field.key}/heat").status_code == 404


def test_removed_cleared_and_undone(browser: TestClient, desk: Desk):
    send(browser, ("a.png", png((1, 0, 0))), ("b.png", png((2, 0, 0))))
    first, second = state(browser, desk)["keys"]
    call(browser, f"/fields/{first}", {"label": "Pro"})
    assert call(browser, "/undo").json() == {"key": first}
    browser.delete(f"{endpoint.URL}/fields/{first}", headers=TAB)
    assert state(browser, desk)["keys"] == [second]
    call(browser, "/clear")
    assert state(browser, desk)["ledger"]["dropped"] == 0


def test_a_new_session_takes_back_what_its_tab_had_kept(browser: TestClient, desk: Desk):
    key = hashlib.sha256(png()).hexdigest()
    kept = {"specimen": "Case 7", "fields": [{"key": key, "label": "Pro", "note": "n", "left_out": True}]}
    assert call(browser, "/restore", kept).status_code == 204
    send(browser, ("a.png", png()))
    known = state(browser, desk)
    (field,) = known["fields"]
    assert (known["specimen"], field["label"], field["note"], field["leftOut"]) == ("Case 7", "Pro", "n", True)


def test_another_browser_reaches_nothing(browser: TestClient, desk: Desk, workspaces: Workspaces):
    field = desk.workspace.add("a.png", png())
    stranger = TestClient(browser.app, cookies={COOKIE: "g" * 43})
    for method, path in [
        ("GET", "/state"),
        ("GET", f"/fields/{field.key}/thumbnail"),
        ("POST", "/clear"),
        ("DELETE", f"/fields/{field.key}"),
    ]:
        assert stranger.request(method, f"{endpoint.URL}{path}", headers=TAB).status_code == 409
    assert len(desk.workspace.fields) == 1


@pytest.mark.parametrize(
    ("owner", "headers", "allowed"),
    [
        (Owner(VISITOR, ORIGIN, admitted=True), {}, True),
        (Owner(VISITOR, ORIGIN, admitted=False), {}, False),
        (Owner(OTHER, ORIGIN, admitted=True), {}, False),
        (Owner("", ORIGIN, admitted=True), {"cookie": ""}, False),
        (Owner(VISITOR, ORIGIN, admitted=True), {"origin": "https://elsewhere.example"}, False),
        (Owner(VISITOR, ORIGIN, admitted=True), {"sec-fetch-site": "same-site"}, False),
        (Owner(VISITOR, ORIGIN, admitted=True), {"x-forwarded-proto": "https"}, False),
        (
            Owner(VISITOR, ORIGIN, admitted=True),
            {"x-forwarded-proto": "https", "cookie": f"{SECURE_COOKIE}={VISITOR}"},
            True,
        ),
        (None, {}, False),
    ],
)
def test_files_are_taken_from_the_sessions_own_browser_after_sign_in(
    workspaces: Workspaces, owner: Owner | None, headers: dict[str, str], allowed: bool
) -> None:
    """A desk is there once its reader may have one: the page's script ends before, where a sign-in is asked for."""
    if owner is not None and owner.admitted:
        workspaces.enter(owner.visitor, "", 1_000_000).origins.add(owner.origin)
    browser = TestClient(Starlette(routes=endpoint.routes(workspaces)))
    asked = TAB | {"cookie": f"{COOKIE}={VISITOR}", "origin": ORIGIN} | headers
    answer = browser.post(f"{endpoint.URL}/files", content=json.dumps({"files": []}), headers=asked)
    assert (answer.status_code == 200) is allowed
    assert allowed or answer.status_code in (403, 409)


def test_another_site_changes_nothing(browser: TestClient, desk: Desk):
    desk.workspace.add("a.png", png())
    assert browser.post(f"{endpoint.URL}/clear").status_code == 403
    assert call(browser, "/clear", **{"sec-fetch-site": "cross-site"}).status_code == 403
    assert browser.get(f"{endpoint.URL}/state", headers={"sec-fetch-site": "same-site"}).status_code == 403
    assert len(desk.workspace.fields) == 1


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/files", {"files": [{"id": "../../x", "name": "a", "size": 1}]}, 422),
        ("/files", {"files": [], "more": 1}, 422),
        ("/files/nobody-announced/loss", {"reason": "x" * 501}, 422),
        ("/fields/0", {}, 404),
        ("/specimen", {"name": "x" * 81}, 422),
        ("/nothing", None, 404),
    ],
)
def test_what_is_not_understood_is_refused(browser: TestClient, path: str, body: object, status: int):
    assert call(browser, path, body).status_code == status


def test_a_body_over_the_limit_is_refused_by_its_length(browser: TestClient):
    answer = browser.put(
        f"{endpoint.URL}/files/file-0001", content=b"x", headers=TAB | {"content-length": str(MAX_FILE_BYTES + 1)}
    )
    assert answer.status_code == 413


def test_the_scripts_are_kept_by_their_hash_and_found_by_an_old_one(browser: TestClient):
    now = browser.get(f"{assets.BASE}/workplace.js")
    assert "immutable" in now.headers["cache-control"]
    old = browser.get(f"{assets.URL}/0123456789abcdef/workplace.js")
    assert (old.status_code, old.headers["cache-control"]) == (200, "no-store")
    assert browser.get(f"{assets.BASE}/endpoint.py").status_code == 404


def test_streamlits_own_way_in_is_closed(browser: TestClient):
    closed = TestClient(endpoint.NoUploader(browser.app))
    assert closed.put("/_stcore/upload_file/session/file", content=b"x").status_code == 404
    assert closed.get(f"{assets.BASE}/workplace.js").status_code == 200


def test_model_and_pixel_size_are_taken_and_out_of_bounds_refused(browser: TestClient, desk: Desk, client: FakeClient):
    client.listed = [MODEL, OTHER_MODEL]
    desk.workspace.learn_models(client.models())
    assert send(browser, ("a.png", png())) == [204]
    known = state(browser, desk)
    assert (known["asked"], [one["name"] for one in known["models"]]) == (MODEL, [MODEL, OTHER_MODEL])
    assert call(browser, "/model", {"name": OTHER_MODEL}).status_code == 204
    assert call(browser, "/model", {"name": "nobody"}).status_code == 404
    assert call(browser, "/pixel", {"um": 0.1}).status_code == 204
    assert call(browser, "/pixel", {"um": 1000}).status_code == 422
    known = state(browser, desk)
    assert (known["asked"], known["pixelUm"], known["outdated"]) == (OTHER_MODEL, 0.1, 1)
    assert call(browser, "/anew").status_code == 200
    known = state(browser, desk)
    assert (known["outdated"], known["ledger"]["read"]) == (0, 1)
    assert client.asked_how[-1] == (OTHER_MODEL, 0.1)


def test_what_is_labelled_comes_as_an_archive(browser: TestClient, desk: Desk):
    send(browser, ("a.png", png()))
    (key,) = desk.workspace.fields
    assert call(browser, "/classes", {"name": "Smudge cell"}).json() == {"label": "Smudge-cell"}
    assert call(browser, "/classes", {"name": " "}).status_code == 422
    state(browser, desk)
    call(browser, f"/fields/{key}", {"label": "Smudge-cell"})
    known = state(browser, desk)
    assert known["labelled"] == 1
    assert [one["label"] for one in known["classes"]] == ["Benign", "Early", "Pre", "Pro", "Smudge-cell", "Other"]
    answer = browser.get(f"{endpoint.URL}/labelled.zip")
    assert answer.headers["content-disposition"] == 'attachment; filename="leukolens-labelled.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        assert packed.read("Smudge-cell/0001-a.png") == png()


def test_fifty_classes_without_sides_are_fifty_labels_and_no_triage(
    browser: TestClient, desk: Desk, client: FakeClient, monkeypatch: pytest.MonkeyPatch
):
    classes = [{"id": f"C{number}", "name": f"class {number}"} for number in range(50)]
    given = client.model().model_dump() | {
        "classes": classes,
        "labels": [one["id"] for one in classes],
        "malignant_labels": [],
    }
    plain = client.predict

    def predict(data: bytes, **asked: Any) -> Prediction:
        answer = plain(data, **asked)
        decision = answer.prediction.model_copy(update={"label": "C49"})
        return answer.model_copy(update={"triage": None, "prediction": decision, "prediction_set": ["C49"]})

    monkeypatch.setattr(client, "predict", predict)
    monkeypatch.setattr(client, "model", lambda _name=None: ModelSummary.model_validate(given))
    monkeypatch.setattr(client, "models", lambda: [ListedModel(name=MODEL, default=True, triage=False)])
    desk.workspace.learn_models(client.models())
    send(browser, ("a.png", png()))
    known = state(browser, desk)
    assert known["triage"] is False
    assert [one["label"] for one in known["classes"]] == [*(one["id"] for one in classes), "Other"]
    finding = known["fields"][0]["finding"]
    assert (finding["kind"], finding["title"]) == ("pattern", "Class 49")


def test_every_type_that_is_read_is_offered():
    said = words()["kinds"]
    assert said.startswith(intake.ACCEPTED)
    offered = component.accepted().split(",")
    assert set(intake.SUFFIXES) < set(offered)
    assert "image/*" in offered  # a telephone offers its camera
