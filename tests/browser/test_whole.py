"""A page whose code did not all arrive: a browser that changes networks drops what it fetches, and asks no more."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from .conftest import SAMPLES, expect_read, open_view, upload

pytestmark = pytest.mark.browser

SAMPLE = SAMPLES / "synthetic_pre_01.png"
MISSING = "A part of this page did not arrive"
RELOADED = "() => performance.getEntriesByType('navigation')[0].type === 'reload'"
Visit = Callable[..., Page]


def lose(tab: Page, pattern: str, times: int) -> list[str]:
    """Break the first requests for a file off, as a change of networks does; give a list of what was lost."""
    lost: list[str] = []

    def answer(route: Route) -> None:
        if len(lost) < times:
            lost.append(route.request.url)
            route.abort("connectionaborted")
        else:
            route.continue_()

    tab.route(pattern, answer)
    return lost


# The browser asks twice for what the page names twice: ahead, and as it is needed.
@pytest.mark.parametrize(
    ("pattern", "times"),
    [
        ("**/static/js/react-dom.*.js", 2),
        ("**/transport/static/polling.js*", 1),
        ("**/static/js/BidiComponent.*.js", 1),
    ],
)
def test_a_page_that_did_not_arrive_whole_is_loaded_again(visit: Visit, proxied_address: str, pattern: str, times: int):
    tab = visit("about:blank")
    lost = lose(tab, pattern, times)
    tab.goto(proxied_address)
    tab.wait_for_function(RELOADED)
    upload(tab, SAMPLE)
    expect_read(tab, 1)
    assert len(lost) == times
    expect(tab.get_by_text(MISSING)).to_have_count(0)


def test_what_a_reader_has_added_is_not_lost_by_a_reload(visit: Visit, proxied_address: str):
    tab = visit(proxied_address)
    lost = lose(tab, "**/static/js/Multiselect.*.js", 1)
    upload(tab, SAMPLE)
    expect_read(tab, 1)
    open_view(tab, "Specimen report")
    expect(tab.get_by_role("alert").get_by_text(MISSING)).to_be_visible()
    tab.reload()
    expect_read(tab, 1)
    assert len(lost) == 1
