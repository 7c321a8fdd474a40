"""The rules of the house hold, and each is seen to refuse what breaks it."""

import re
from pathlib import Path

import grimp
import pytest

from release import house
from release.house import objections, read_imports


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    return read_imports()


def test_no_import_breaks_a_rule(imports: grimp.ImportGraph) -> None:
    assert objections(imports) == []
    assert imports.count_imports() > 1000


@pytest.mark.parametrize(
    ("importer", "imported", "said"),
    [
        ("training.data.labels", "training.models.recipes", "training.data imports training.models"),
        ("training.models.recipes", "training.evaluation.metrics", "training.models imports training.evaluation"),
        ("training.experiment", "training.train", "training.experiment imports training.train"),
        ("training.sagemaker_jobs.plan", "training.sweep", "training.sagemaker_jobs imports training.sweep"),
        ("inference.card", "training.data.labels", "inference imports training"),
        ("inference.card", "api.schemas", "inference imports api"),
        ("infra.constructs.scopes", "infra.stacks.storage", "infra.constructs imports infra.stacks"),
        ("training.data.labels", "tensorflow", "training.data.labels imports tensorflow"),
        ("client.settings", "keras", "client.settings imports keras"),
    ],
)
def test_what_breaks_a_rule_is_named(imports: grimp.ImportGraph, importer: str, imported: str, said: str) -> None:
    # A copy of the whole graph takes longer than adding one import and taking it out again.
    imports.add_import(importer=importer, imported=imported)
    try:
        assert any(line.startswith(said) for line in objections(imports))
    finally:
        imports.remove_import(importer=importer, imported=imported)


def test_a_circle_is_shown_whole(imports: grimp.ImportGraph) -> None:
    imports.add_import(importer="intake.tiff_page", imported="intake.tiff")
    try:
        (line,) = [line for line in objections(imports) if "circle" in line]
    finally:
        imports.remove_import(importer="intake.tiff_page", imported="intake.tiff")
    assert {"intake.tiff", "intake.tiff_page"} <= set(line.removeprefix("a circle of imports: ").split(" -> "))


def test_a_single_file_of_the_image_is_held_to_it_too(
    imports: grimp.ImportGraph, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    entry = tmp_path / "entry.py"
    entry.write_text("def handler():\n    from training.data import labels\n    import api.app\n")
    monkeypatch.setattr(house, "LAMBDA_FILES", (entry,))
    assert objections(imports) == ["lambda/entry.py imports training, which is not in the image"]


def test_no_test_sets_the_clock_of_the_whole_process() -> None:
    """A server in a thread that reads it in between sleeps for hours: its tests never ended, once in many runs."""
    sets_clock = re.compile(r"""setattr\(\s*(\w+\.)*time,|setattr\(\s*["']time\.""")
    assert sets_clock.search('monkeypatch.setattr(module.time, "monotonic", lambda: 0.0)')
    tests = Path(__file__).resolve().parents[1]
    assert [str(path) for path in sorted(tests.rglob("*.py")) if sets_clock.search(path.read_text())] == [__file__]
