import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from frontend.workspaces import COOKIE, WorkspaceCookie, Workspaces


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_browser_comes_back_to_its_workspace_and_to_no_other(clock: Clock):
    held = Workspaces(60, 1_000, clock=clock)
    one = held.enter("one", "", 100)
    assert held.enter("one", "", 100) is one
    assert held.enter("two", "", 100) is not one
    assert held.find("three") is None


def test_another_person_at_the_same_browser_begins_anew(clock: Clock):
    held = Workspaces(60, 1_000, clock=clock)
    one = held.enter("one", "a@example.org", 100)
    assert held.enter("one", "b@example.org", 100) is not one


def test_what_nobody_uses_is_forgotten_without_anybody_coming(clock: Clock):
    held = Workspaces(60, 1_000, clock=clock)
    held.enter("one", "", 100)
    clock.now += 59
    held.sweep()
    assert held.find("one") is not None
    clock.now += 2
    held.sweep()
    assert held.find("one") is None


def test_where_room_is_short_the_longest_away_goes_first(clock: Clock):
    held = Workspaces(10_000, 150, away_s=100, clock=clock)
    for token in ("old", "young"):
        held.enter(token, "", 100).workspace.add("a.png", bytes(100))
        clock.now += 200
    held.enter("here", "", 100).workspace.add("a.png", bytes(100))
    held.sweep()
    assert [token for token in ("old", "young", "here") if held.find(token)] == ["here"]


def page(_: Request) -> Response:
    return HTMLResponse("<title>page</title>")


def data(_: Request) -> Response:
    return JSONResponse({})


@pytest.fixture
def browser() -> TestClient:
    application = Starlette(routes=[Route("/", page), Route("/data", data)])
    return TestClient(WorkspaceCookie(application), base_url="https://page.example")  # type: ignore[arg-type]


def test_the_cookie_comes_with_the_page_alone_and_once(browser: TestClient):
    assert "set-cookie" not in browser.get("/data").headers
    given = browser.get("/").headers["set-cookie"]
    assert given.startswith(f"{COOKIE}=")
    assert all(part in given for part in ("HttpOnly", "SameSite=Lax", "Secure", "Path=/"))
    assert "set-cookie" not in browser.get("/").headers


def test_no_two_browsers_get_the_same_cookie(browser: TestClient):
    tokens = set()
    for _ in range(10):
        browser.cookies.clear()
        browser.get("/")
        tokens.add(browser.cookies[COOKIE])
    assert len(tokens) == 10
    assert all(len(token) >= 43 for token in tokens)
