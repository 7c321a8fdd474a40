from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from .conftest import SAMPLES, open_view, settle, upload
from .servers import ROOT

pytestmark = pytest.mark.browser

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
SERIOUS = ("serious", "critical")


def findings(tab: Page) -> list[str]:
    """List what axe-core calls serious, by rule and place."""
    tab.evaluate(AXE.read_text())
    found: dict[str, Any] = tab.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{rule['id']}: {node['target']} {node.get('failureSummary', '')}"
        for rule in found["violations"]
        if rule["impact"] in SERIOUS
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_view_has_a_serious_finding(visit: Callable[..., Page], direct_address: str, scheme: str):
    tab = visit(direct_address, scheme)
    upload(tab, *sorted(SAMPLES.glob("*.png"))[:3])
    expect(tab.get_by_role("heading", name="3 fields")).to_be_visible()
    settle(tab)
    found = {"Classify": findings(tab)}
    for name in ("Specimen report", "Review", "Model"):
        open_view(tab, name)
        settle(tab)
        found[name] = findings(tab)
    assert {name: some for name, some in found.items() if some} == {}


def test_a_sample_is_classified_by_keyboard_alone(visit: Callable[..., Page], direct_address: str):
    tab = visit(direct_address)
    sample = tab.get_by_role("button", name="Benign 1", exact=True)
    expect(sample).to_be_enabled()
    for _ in range(40):
        tab.keyboard.press("Tab")
        if sample.evaluate("element => element === document.activeElement"):
            break
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("heading", name="1 field")).to_be_visible()


def test_at_200_percent_nothing_runs_off_the_side(visit: Callable[..., Page], direct_address: str):
    tab = visit(direct_address)
    # 1280 px at 200 % is 640 px of room.
    tab.set_viewport_size({"width": 640, "height": 450})
    upload(tab, SAMPLES / "synthetic_pre_01.png")
    expect(tab.get_by_role("heading", name="1 field")).to_be_visible()
    settle(tab)
    assert tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    expect(tab.get_by_text("Research use only.")).to_be_visible()
    for name in ("Specimen report", "Review", "Model"):
        # One link each, in sight: Streamlit's drawer holds a second one beside the window.
        expect(tab.get_by_role("link", name=name)).to_be_in_viewport()
        open_view(tab, name)
    assert tab.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
