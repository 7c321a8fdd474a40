import json
from pathlib import Path

import pytest

from inference import read_card
from training.data.labels import DataError
from training.evaluation.report import figures, model_card, report
from training.evaluation.report.report import read_attempts
from training.evaluation.report.targets import verdicts
from training.evaluation.results import Estimate, Magnified, Results, read_results, write_results

SHIPPED = Path(__file__).resolve().parents[5] / "models" / "default"


def test_results_survive_their_file(results: Results, tmp_path: Path) -> None:
    write_results(results, tmp_path / "evaluation.json")
    assert read_results(tmp_path / "evaluation.json") == results


def test_a_missing_or_older_file_says_what_to_run(results: Results, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="python -m training evaluate"):
        read_results(tmp_path / "evaluation.json")
    old = json.loads(results.model_dump_json())
    del old["evidence"]["shortcuts"]
    (tmp_path / "evaluation.json").write_text(json.dumps(old))
    with pytest.raises(DataError, match=r"evidence\.shortcuts"):
        read_results(tmp_path / "evaluation.json")


def test_targets_are_judged_by_the_numbers(results: Results) -> None:
    said = {verdict.target: verdict.outcome for verdict in verdicts(results)}
    assert said["contiguous folds: mean balanced accuracy >= 0.977 (0.98 thought possible)"] == "**not met**"
    assert said["other laboratories and diseases: accepted as malignant <= 1 % of each set"] == "**not met**"
    assert said["other laboratories and diseases: accepted as benign <= 1 % of each set"] == "not measured"
    assert said["0.4x to 2.5x on slides left out: triage accepted and wrong <= 0.5 % at every step"] == "not measured"
    assert said["random split: accuracy >= 0.9985"] == "not measured"
    better = json.loads(results.model_dump_json())
    # 0.99 is above the published 0.968, but an interval that reaches down to 0.96 is not.
    better["evidence"]["protocols"]["contiguous"]["metrics"]["mean_fold_balanced_accuracy"] = {
        "value": 0.99,
        "low": 0.96,
        "high": 1.0,
    }
    better["evidence"]["strangers"]["bccd"]["accepted_as_malignant"] = 0.01
    step = {"images": 200, "balanced_accuracy": 0.5, "out_of_distribution": 0.9, "accepted": 0.02}
    step |= {"accepted_wrong": 0.01, "pattern_accepted": 0.0, "pattern_wrong": 0.0}
    better["evidence"]["magnifications"] = {"0.5": step | {"accepted_wrong": 0.0}, "0.7": step}
    improved = {verdict.target: verdict.outcome for verdict in verdicts(Results.model_validate(better))}
    assert improved["other laboratories and diseases: accepted as malignant <= 1 % of each set"] == "met"
    assert improved["contiguous folds: mean balanced accuracy >= 0.977 (0.98 thought possible)"] == "met"
    assert (
        improved["0.4x to 2.5x on slides left out: triage accepted and wrong <= 0.5 % at every step"] == "**not met**"
    )
    assert next(said for asked, said in improved.items() if "best published" in asked) == "**not met**"


def test_report_shows_shortcuts_folds_strangers_and_what_is_missing(results: Results, tmp_path: Path) -> None:
    drawn = figures.draw(results, tmp_path)
    text = report.render(results, [], {name: Path("images") / path.name for name, path in drawn.items()})
    assert "| mean colour of the field (3 numbers), 5 nearest neighbours | 0.7100 |" in text
    assert "| lite | 0.8750 | 0.8750 | 0.8750 |" in text
    assert "| vgg16 | 0.8750 |" in text
    assert "| adam | 0.77 |" in text
    assert "| Pre-01 | 3 | 0.667 | 1.000 | 0.333 | Early | 1.000 | 0.000 | - | 0.000 |" in text
    assert "epochs: 6 in the folds, 8 shipped" in text
    assert "Not every fold was there** for: leave slides out" in text
    assert "0.9000 [0.8000, 0.9500]" in text
    assert "## Attempts" not in text
    for path in drawn.values():
        assert f"(images/{path.name})" in text
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size < 150_000


def test_names_of_a_laboratory_stay_in_their_cells(results: Results) -> None:
    first, *others = results.slides
    named = first.model_copy(update={"name": "a|b <i>", "mistaken_for": "_c_"})
    strangers = {"[d](e)": next(iter(results.evidence.strangers.values()))}
    evidence = results.evidence.model_copy(update={"strangers": strangers})
    text = report.render(results.model_copy(update={"slides": [named, *others], "evidence": evidence}), [], {})
    assert r"| a\|b \<i\> | " in text
    assert r" | \_c\_ | " in text
    assert r"| \[d\]\(e\) | " in text


def test_the_same_results_give_the_same_pictures(results: Results, tmp_path: Path) -> None:
    first, again = (figures.draw(results, tmp_path / name) for name in ("first", "again"))
    assert {name: path.read_bytes() for name, path in first.items()} == {
        name: path.read_bytes() for name, path in again.items()
    }


def test_attempts_are_told_as_they_are_listed(results: Results, tmp_path: Path) -> None:
    tried = {"name": "whitening", "what": "background", "contiguous": [0.847, 0.95], "mean": 0.8985, "worst": 0.847}
    (tmp_path / "attempts.json").write_text(json.dumps([tried]))
    text = report.render(results, read_attempts(tmp_path / "attempts.json"), {})
    assert "| whitening | background | 0.847, 0.950 | 0.898 | 0.847 |  |" in text


def test_attempts_that_lack_a_number_are_refused(tmp_path: Path) -> None:
    (tmp_path / "attempts.json").write_text('[{"name": "x", "what": "y", "contiguous": [], "mean": 1}]')
    with pytest.raises(DataError, match="worst"):
        read_attempts(tmp_path / "attempts.json")
    assert read_attempts(tmp_path / "absent.json") == []


def test_scrambled_fields_have_a_row_and_the_card_says_what_it_means(results: Results) -> None:
    shares = dict.fromkeys(Magnified.model_fields, 0.25)
    evidence = results.evidence.model_copy(update={"scrambled": Magnified(**shares | {"images": 200})})
    text = report.render(results.model_copy(update={"evidence": evidence}), [], {})
    assert "| cut into 16 tiles and put together in another order | 200 | 0.250 | " in text
    assert "**Texture, not arrangement.** A field cut into 16 tiles" in model_card.render(results, read_card(SHIPPED))


def test_model_card_names_the_file_its_use_and_the_best_shortcut(results: Results) -> None:
    card = read_card(SHIPPED)
    text = model_card.render(results, card)
    for said in (card.sha256, card.intended_use, card.misuse, "b" * 64, "mean colour, 0.7100", "CLAIM", "TRIPOD+AI"):
        assert said in text
    assert "**Headline**, whole slides left out: not measured." in text


def test_the_headline_is_triage_on_slides_left_out(results: Results) -> None:
    protocol = next(iter(results.evidence.protocols.values()))
    metrics = protocol.metrics | {
        "triage_coverage": Estimate(value=0.9, low=0.88, high=0.92),
        "triage_accuracy_of_accepted": Estimate(value=0.998, low=0.99, high=1.0),
    }
    slides = protocol.model_copy(update={"metrics": metrics})
    evidence = results.evidence.model_copy(update={"protocols": {"slides": slides}})
    text = model_card.render(results.model_copy(update={"evidence": evidence}), read_card(SHIPPED))
    said = "left out: triage accepted 0.9000 [0.8800, 0.9200], right of the accepted 0.9980 [0.9900, 1.0000], "
    assert said in text
    assert said.removeprefix("left out: ") in report.headline(results.model_copy(update={"evidence": evidence}))
