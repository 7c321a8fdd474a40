import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from client import LeukolensClient

from . import servers
from .conftest import SAMPLES, expect_large, expect_read, open_view, settle, upload
from .servers import ROOT

pytestmark = pytest.mark.browser

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = (1440, 1280, 390)
"""Of a desk, a laptop and a telephone (px)."""
ZOOMED: ViewportSize = {"width": 640, "height": 450}
"""What a window of 1280 px has room for at 200 %."""
TELEPHONE: ViewportSize = {"width": 390, "height": 844}
ALL_IN_SIGHT = """() => [...document.querySelectorAll("html, [data-testid=stMain]")]
    .every(one => one.scrollWidth <= one.clientWidth)"""
ALL = sorted(SAMPLES.glob("*.png"))


@pytest.fixture(scope="module")
def several_findings(api: LeukolensClient, logs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give a page whose API knows six of the eight samples, and two not: several kinds of findings come up."""
    answers = sorted((api.predict(path) for path in ALL), key=lambda answer: answer.out_of_distribution_score)
    folder = shutil.copytree(ROOT / "models" / "default", tmp_path_factory.mktemp("model") / "model")
    card = json.loads((folder / "model.json").read_text())
    card["out_of_distribution"]["threshold"] = answers[-3].out_of_distribution_score + 1e-6
    (folder / "model.json").write_text(json.dumps(card))
    with (
        servers.api(logs / "verdicts-api.log", LEUKOLENS_MODEL_DIR=str(folder)) as api_address,
        servers.page(api_address, logs / "verdicts-page.log") as address,
    ):
        yield address


@pytest.fixture
def with_findings(visit: Callable[..., Page], several_findings: str) -> Callable[[str], Page]:
    def visiting(scheme: str) -> Page:
        tab = visit(several_findings, scheme)
        upload(tab, *ALL)
        expect_read(tab, len(ALL))
        settle(tab)
        return tab

    return visiting


def findings(tab: Page) -> list[str]:
    """List all that axe-core finds, by width, rule and place."""
    tab.evaluate(AXE.read_text())
    listed = []
    for width in WIDTHS:
        tab.set_viewport_size({"width": width, "height": 900})
        settle(tab)
        found: dict[str, Any] = tab.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        listed += [
            f"{width} px, {rule['impact']} {rule['id']}: {node['target']} {node.get('failureSummary', '')}"
            for rule in found["violations"]
            for node in rule["nodes"]
        ]
    tab.set_viewport_size({"width": WIDTHS[1], "height": 900})
    return listed


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_view_has_a_finding_of_axe(
    visit: Callable[..., Page], with_findings: Callable[[str], Page], several_findings: str, scheme: str
):
    empty = visit(several_findings, scheme)
    expect(empty.get_by_label("Choose images")).to_be_attached()
    settle(empty)
    found = {"before any file": findings(empty)}
    tab = with_findings(scheme)
    found |= {"Classify": findings(tab)}
    for name in ("Specimen report", "Review", "Model"):
        open_view(tab, name)
        settle(tab)
        found[name] = findings(tab)
    wrong = {name: some for name, some in found.items() if some}
    assert wrong == {}


def test_findings_differ_in_shape_and_word(with_findings: Callable[[str], Page]):
    tab = with_findings("light")
    # Of the group's buttons, "All" and "Clear all" stand for no finding.
    chips = tab.get_by_role("group", name="Fields by finding").locator(".lk-chip[data-group]:not([data-group=''])")
    shapes = [chips.nth(number).locator("svg").inner_html() for number in range(chips.count())]
    words = [chips.nth(number).inner_text() for number in range(chips.count())]
    assert len(shapes) > 1
    assert len(set(shapes)) == len(set(words)) == len(shapes)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_opened_field_has_no_finding_of_axe(with_findings: Callable[[str], Page], scheme: str):
    tab = with_findings(scheme)
    tab.locator(".lk-tile").first.click()
    expect_large(tab)
    tab.keyboard.press("c")
    assert findings(tab) == []


def test_samples_are_classified_by_keyboard_alone(visit: Callable[..., Page], direct_address: str):
    tab = visit(direct_address)
    sample = tab.get_by_role("button", name="Try it")
    expect(sample).to_be_enabled()
    for _ in range(40):
        tab.keyboard.press("Tab")
        if sample.evaluate("element => element === document.activeElement"):
            break
    tab.keyboard.press("Enter")
    expect_read(tab, len(ALL))


def test_at_200_percent_and_on_a_telephone_nothing_runs_off_the_side(visit: Callable[..., Page], direct_address: str):
    tab = visit(direct_address)
    upload(tab, SAMPLES / "synthetic_pre_01.png")
    expect_read(tab, 1)
    for name in ("Classify", "Specimen report", "Review", "Model"):
        if name != "Classify":
            # One link each, in sight: Streamlit's drawer holds a second one beside the window.
            expect(tab.get_by_role("link", name=name).filter(visible=True).first).to_be_in_viewport()
            open_view(tab, name)
        for size in (ZOOMED, TELEPHONE):
            tab.set_viewport_size(size)
            settle(tab)
            tab.wait_for_function(ALL_IN_SIGHT)  # a chart takes its new width a moment after the window
            expect(tab.get_by_text("Research use only.")).to_be_in_viewport()
