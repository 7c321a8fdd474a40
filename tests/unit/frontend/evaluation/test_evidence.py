import json
import math

from frontend.evaluation.evidence import Evidence, read
from tests.unit.frontend.evaluation import sample


def test_what_training_writes_is_read_whole():
    evidence = read(json.loads(json.dumps(sample.as_json())))
    assert evidence.unread == ()
    assert evidence.others == {}
    written = sample.measured()
    contiguous = evidence.protocols["contiguous"]
    assert contiguous.score is not None
    assert contiguous.score.model_dump() == written.protocols["contiguous"].metrics["balanced_accuracy"].model_dump()
    assert [fold.balanced_accuracy for fold in contiguous.folds] == [
        fold.balanced_accuracy for fold in written.protocols["contiguous"].folds
    ]
    assert contiguous.confusion == written.protocols["contiguous"].confusion
    assert evidence.shortcuts == written.shortcuts
    assert evidence.robustness["blur"].low == written.robustness["blur"].low
    assert evidence.strangers["bccd"].images == written.strangers["bccd"].images
    assert evidence.parity is not None
    assert evidence.parity.agreement == 1.0


def test_nothing_is_nothing():
    assert read({}) == Evidence()


def test_a_part_that_cannot_be_read_is_named_and_the_others_are_kept():
    given = sample.as_json()
    given["protocols"]["random"]["folds"] = "five"
    given["strangers"] = ["bccd"]
    given["robustness"]["blur"] = "poor"
    evidence = read(given)
    assert set(evidence.unread) == {"protocols.random", "strangers", "robustness.blur"}
    assert set(evidence.protocols) == {"contiguous", "slides"}
    assert "noise" in evidence.robustness


def test_what_could_not_be_measured_is_left_out():
    given = sample.as_json()
    given["protocols"]["random"]["metrics"]["auroc"] = {"value": None, "low": None, "high": None}
    given["protocols"]["random"]["metrics"]["brier"] = None
    given["robustness"]["blur"]["value"] = math.nan
    evidence = read(given)
    assert "accuracy" in evidence.protocols["random"].metrics
    assert not {"auroc", "brier"} & set(evidence.protocols["random"].metrics)
    assert "blur" not in evidence.robustness


def test_figures_of_a_newer_writer_are_kept_apart():
    given = sample.as_json() | {"latency_ms": 12}
    given["protocols"]["contiguous"]["by_scanner"] = {}
    evidence = read(given)
    assert evidence.others == {"latency_ms": 12}
    assert "contiguous" in evidence.protocols


def test_without_a_pooled_score_the_folds_give_it():
    evidence = read({"protocols": {"slides": {"folds": [{"name": "a", "balanced_accuracy": 0.5}] * 2}}})
    score = evidence.protocols["slides"].score
    assert score is not None
    assert (score.value, score.low) == (0.5, None)
