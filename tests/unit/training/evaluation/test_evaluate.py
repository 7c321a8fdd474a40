"""The whole command, on drawn fields, with the shipped file as every fold's model."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from inference import read_card
from training.cli import main
from training.data.corruptions import DISTURBANCES
from training.data.manifest import Manifest
from training.evaluation import magnifications, shortcuts
from training.evaluation.pipeline import earlier_others
from training.evaluation.results import Evidence, Results, write_results
from training.tracking.journal import journals

Drawn = tuple[Path, Manifest]
Command = Callable[..., int]
NOBODY = "http://127.0.0.1:9"
"""The port where everything is thrown away: runs stay written down."""


@pytest.fixture(scope="module")
def scrambled() -> list[object]:
    """Keep what is scrambled."""
    return []


@pytest.fixture(scope="module")
def command(place: Path, drawn: Drawn, few_ood_pictures: None, scrambled: list[object]) -> Command:
    """Run ``evaluate`` on the drawn set; few of everything, for the machinery is under test, not the model."""

    scramble = magnifications.scramble

    def kept(*given: object) -> object:
        scrambled.append(scramble(*given))
        return scrambled[-1]

    def run(*more: str) -> int:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(place)
            patch.setattr(magnifications, "STEPS", (0.5, 1.0, 2.0))
            patch.setattr(magnifications, "scramble", kept)
            for name in DISTURBANCES.keys() - {"none", "jpeg_30", "blur", "half_resolution"}:
                patch.delitem(DISTURBANCES, name)
            patch.setattr(shortcuts, "TREES", 5)
            given = ["--data", str(drawn[0]), "--folds", "folds", "--model", "model", "--candidate", "lite"]
            return main(["evaluate", *given, "--output", "docs/evaluation.md", "--replicates", "10", *more])

    return run


@pytest.fixture(scope="module")
def evidence(command: Command, place: Path, drawn: Drawn) -> Evidence:
    """Run the command once for all the tests below."""
    before = read_card(place / "model")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("LEUKOLENS_TRACKING", raising=False)
        patch.setenv("MLFLOW_TRACKING_URI", NOBODY)
        patch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        assert command("--external", str(drawn[0] / "Pre")) == 0
    card = read_card(place / "model")
    assert card.model_copy(update={"evaluation": {}}) == before, "nothing but the evaluation changes"
    return Evidence.model_validate(card.evaluation)


def test_the_run_is_written_down_with_every_number_and_figure(evidence: Evidence, place: Path) -> None:
    (journal,) = journals(place / "runs" / "tracking")
    events = journal.events()
    numbers = {name: value for one in events if one["event"] == "metrics" for name, value in one["metrics"].items()}
    accuracy = evidence.protocols["random"].metrics["accuracy"]
    assert numbers["random/accuracy"] == accuracy.value
    assert (numbers["random/accuracy/low"], numbers["random/accuracy/high"]) == (accuracy.low, accuracy.high)
    assert numbers["shortcut/corner/contiguous"] == evidence.shortcuts["corner"]["contiguous"]
    assert numbers["strangers/noise/accepted"] == evidence.strangers["noise"].accepted
    assert {"robustness/jpeg_30", "slides/balanced_accuracy_by_slide"} <= set(numbers)
    assert [one["tags"]["data_manifest"] for one in events if one["event"] == "tags"] == [evidence.manifest_digest]
    logged = {path.name for path in journal.files.rglob("*") if path.is_file()}
    assert {"evaluation.md", "evaluation.json", "model-card.md", "confusion.png", "robustness.png"} <= logged
    assert events[-1]["status"] == "FINISHED"


def test_a_dry_run_reads_what_would_be_measured_and_writes_nothing(
    evidence: Evidence, command: Command, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in place.rglob("*")}
    capsys.readouterr()
    assert command("--dry-run") == 0
    printed = capsys.readouterr()
    assert "none: all are there" in printed.out
    assert printed.err.splitlines()[-1] == "dry run: nothing was trained, written or sent"
    assert {path: path.stat().st_mtime_ns for path in place.rglob("*")} == before


def test_every_field_is_answered_in_every_protocol(evidence: Evidence, drawn: Drawn) -> None:
    assert list(evidence.protocols) == ["slides", "contiguous", "random"]
    for result in evidence.protocols.values():
        assert result.images == sum(map(sum, result.confusion)) == len(drawn[1].records)
        assert sum(fold.images for fold in result.folds) == result.images
    assert evidence.manifest_digest == drawn[1].digest


def test_every_part_of_the_evidence_is_there(evidence: Evidence) -> None:
    assert set(evidence.shortcuts) == {"mean_colour", "corner", "background", "density", "chance"}
    assert all(set(scores) == set(evidence.protocols) for scores in evidence.shortcuts.values())
    assert set(evidence.robustness) == {"none", "jpeg_30", "blur", "half_resolution"}
    assert evidence.robustness["none"].value == evidence.protocols["contiguous"].metrics["balanced_accuracy"].value
    assert evidence.strangers["Pre"].images == 10
    assert set(evidence.strangers) > {"photographs", "noise", "blank", "synthetic"}
    assert evidence.parity == {"images": 40, "agreement": 1.0, "max_difference": 0.0002}


def test_fields_are_scrambled_and_have_a_row_of_their_own(evidence: Evidence, scrambled: list[object]) -> None:
    assert set(evidence.magnifications) == {"0.5", "1", "2"}
    assert evidence.scrambled
    assert evidence.scrambled.images == len(scrambled)


def test_documents_say_what_was_found(evidence: Evidence, place: Path) -> None:
    report, card = ((place / "docs" / name).read_text() for name in ("evaluation.md", "model-card.md"))
    assert f"{evidence.protocols['random'].metrics['accuracy'].value:.4f}" in report
    assert read_card(place / "model").sha256 in card
    for picture in ("folds", "confusion", "roc", "reliability", "risk-coverage", "robustness"):
        assert (place / f"docs/images/evaluation/{picture}.png").is_file()
    assert (place / "model/model.json").stat().st_size < 100_000, "the card is in every answer of GET /v1/model"


@pytest.mark.usefixtures("evidence")
def test_documents_are_the_same_from_the_results_file_alone(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    there = {path: path.read_bytes() for path in place.glob("docs/**/*") if path.is_file()}
    assert main(["card", "--model", "model", "--output", "docs/evaluation.md"]) == 0
    assert {path: path.read_bytes() for path in there} == there


def test_answers_are_kept_and_missing_folds_named(
    evidence: Evidence, command: Command, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = {path: path.stat().st_mtime_ns for path in (place / "folds/lite/.answers").iterdir()}
    (place / "folds/lite/slides-1/fold.json").unlink()
    assert command() == 2
    assert "missing for: slides" in capsys.readouterr().err
    assert command("--partial") == 0
    again = Evidence.model_validate(read_card(place / "model").evaluation)
    assert again.protocols["random"] == evidence.protocols["random"]
    assert again.protocols["slides"].images < evidence.protocols["slides"].images
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert "Not every fold was there" in (place / "docs/evaluation.md").read_text()


def test_an_unknown_recipe_lists_those_there_are(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("--candidate", "resnet") == 2
    assert "no finished fold of resnet (of lite)" in capsys.readouterr().err


def test_results_of_another_file_do_not_fill_a_card(
    tmp_path: Path, place: Path, results: Results, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "evaluation.json").write_text(results.model_dump_json())
    before = (place / "model/model.json").read_bytes()
    assert main(["card", "--model", str(place / "model"), "--output", str(tmp_path / "evaluation.md")]) == 2
    assert "run `python -m training evaluate` again" in capsys.readouterr().err
    assert (place / "model/model.json").read_bytes() == before


def test_a_model_of_other_data_is_refused(command: Command, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = json.loads((place / "model/model.json").read_text())
    card["training"]["data_manifest"] = "c" * 64
    (place / "model/model.json").write_text(json.dumps(card))
    assert command("--partial") == 2
    assert "trained on the data with manifest cccccccccccccccc" in capsys.readouterr().err


def test_another_recipe_is_told_on_the_same_folds_alone(results: Results, drawn: Drawn, tmp_path: Path) -> None:
    """A protocol that was cut otherwise says nothing beside today's: it is left out until that recipe runs again."""
    manifest, path = drawn[1], tmp_path / "evaluation.json"
    evidence = results.evidence.model_copy(update={"manifest_digest": manifest.digest})
    write_results(results.model_copy(update={"evidence": evidence}), path)
    protocols = evidence.protocols
    assert earlier_others(path, manifest, protocols) == results.others
    otherwise = protocols["contiguous"].model_copy(update={"folds": protocols["contiguous"].folds * 2})
    assert earlier_others(path, manifest, {"contiguous": otherwise}) == {}
