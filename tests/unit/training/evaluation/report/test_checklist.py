"""The checklist sends a reader to places that are there."""

import re
from pathlib import Path

import pytest

from training.evaluation.report.model_card import CARD, ITEMS, REPORT, SLIDES, Item

ROOT = Path(__file__).resolve().parents[5]
PAGES = {CARD: "docs/model-card.md", REPORT: "docs/evaluation.md", SLIDES: "docs/slides.md"}


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.asks)
def test_an_answer_is_where_the_checklist_says(item: Item) -> None:
    for place in item.answered.split("; "):
        page, _, sections = place.partition(", ")
        if page in PAGES:
            text = (ROOT / PAGES[page]).read_text()
            for section in filter(None, sections.partition(":")[0].split(", ")):
                assert re.search(rf"^#+ {section}$", text, re.MULTILINE | re.IGNORECASE) or section in (
                    "top",
                    "confusion matrices",
                )
    for path in re.findall(r"`([\w/.-]+\.\w+)`", item.answered):
        assert (ROOT / path).is_file()


def test_what_is_not_answered_is_said_so() -> None:
    unanswered = [item for item in ITEMS if "**no**" in item.answered]
    assert unanswered
    assert all(len(item.answered) > len("**no**") for item in unanswered)
