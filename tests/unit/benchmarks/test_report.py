import json
import re
from pathlib import Path

import pytest

from benchmarks import machine, report
from benchmarks.parts import PARTS, WHOLE_S

BY_COMMANDS_OF_THEIR_OWN = {"intake_formats", "large_session", "soak", "test_run", "workplace"}
RESULTS = sorted(machine.RESULTS.glob("*.json"))


def test_the_page_is_what_the_results_say() -> None:
    assert report.TARGET.read_text() == report.text(), "make it anew: python -m benchmarks --report"


def test_every_figure_of_the_page_is_there_and_says_what_it_shows() -> None:
    shown = re.findall(r"!\[(.*?)\]\((.*?)\)", report.TARGET.read_text())
    assert shown
    for says, path in shown:
        assert len(says) > 20
        assert (report.TARGET.parent / path).stat().st_size > 5_000


def test_the_page_about_the_page_quotes_its_measurement() -> None:
    found = json.loads((machine.RESULTS / "large_session.json").read_text())
    page = (machine.ROOT / "docs" / "page.md").read_text()
    assert f"{found['images']} photographs of {min(found['megapixels'])} to {max(found['megapixels'])} mega" in page
    assert f"({found['sent_mb']} MB) in one session over polling, dropped {found['portion']} at a time" in page
    assert f"took {max(found['peaks_mb']):.0f} MB at most, and {found['peak_with_report_mb']:.0f} MB with" in page
    assert found["peak_with_report_mb"] < 1000


def test_the_page_about_the_page_quotes_how_quick_it_is() -> None:
    found = json.loads((machine.RESULTS / "workplace.json").read_text())
    page = (machine.ROOT / "docs" / "page.md").read_text()
    for figure in ("first_s", "all_s"):
        assert " | ".join(f"{by[figure]} s" for by in found["by_transport"].values()) in page
    clicks = [f"{by['click_ms_median']} ms ({by['click_ms_worst']} ms)" for by in found["by_transport"].values()]
    assert " | ".join(clicks) in page
    assert " | ".join(f"{by['peak_mb']:.0f} MB" for by in found["by_transport"].values()) in page
    assert f"{found['fields']} fields dropped at once" in page


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_results_tell_the_machine_and_no_name_or_folder_of_it(path: Path) -> None:
    text = path.read_text()
    found = json.loads(text)
    assert path.stem in {part.name for part in PARTS} | BY_COMMANDS_OF_THEIR_OWN
    assert found["machine"]["cores"] > 0
    assert found["versions"]["python"]
    assert not re.search(r'"/|/(home|root|work|tmp|Users)/|[a-z]+://(?!127\.0\.0\.1)', text)


def test_all_parts_together_take_less_than_twenty_minutes() -> None:
    assert sum(part.budget_s for part in PARTS) < WHOLE_S < 20 * 60


def test_every_part_can_be_measured_and_told() -> None:
    for part in PARTS:
        assert (machine.ROOT / "benchmarks" / f"{part.module}.py").is_file()
        assert callable(report.module_of(part.name).section)
