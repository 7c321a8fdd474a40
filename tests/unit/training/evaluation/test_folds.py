from collections.abc import Callable
from pathlib import Path

import pytest

from training.data.labels import DataError
from training.data.manifest import Manifest
from training.data.splits import random_folds
from training.evaluation.folds import incomplete, read_candidates

Write = Callable[..., Path]
Drawn = tuple[Path, Manifest]


def test_finished_folds_are_found_by_recipe_and_protocol(tmp_path: Path, drawn: Drawn, write_fold: Write) -> None:
    first, second = random_folds(drawn[1].records, 2)
    write_fold(second, drawn[1])
    (write_fold(first, drawn[1], "vgg16").parent / "random-2").mkdir()  # begun, not finished
    found = read_candidates(tmp_path / "folds", drawn[1])
    assert [fold.record.name for fold in found["lite"]["random"]] == ["random-2"]
    assert [fold.record.name for fold in found["vgg16"]["random"]] == ["random-1"]
    assert incomplete(found["lite"], drawn[1], ("random", "slides")) == ["random", "slides"]


def test_all_folds_together_are_complete(tmp_path: Path, drawn: Drawn, write_fold: Write) -> None:
    for fold in random_folds(drawn[1].records, 3):
        write_fold(fold, drawn[1])
    found = read_candidates(tmp_path / "folds", drawn[1])["lite"]
    assert [fold.record.name for fold in found["random"]] == ["random-1", "random-2", "random-3"]
    assert incomplete(found, drawn[1], ("random",)) == []


def test_folds_of_other_data_are_refused(tmp_path: Path, drawn: Drawn, write_fold: Write) -> None:
    write_fold(random_folds(drawn[1].records, 2)[0], drawn[1], manifest="f" * 64)
    with pytest.raises(DataError, match="manifest ffffffffffffffff, not of this"):
        read_candidates(tmp_path / "folds", drawn[1])


def test_a_leak_is_refused(tmp_path: Path, drawn: Drawn, write_fold: Write) -> None:
    fold = random_folds(drawn[1].records, 2)[0]
    write_fold(fold, drawn[1], train=[*fold.train, fold.test[0]])
    with pytest.raises(DataError, match="training or gap too"):
        read_candidates(tmp_path / "folds", drawn[1])


def test_a_field_may_be_tested_once(tmp_path: Path, drawn: Drawn, write_fold: Write) -> None:
    fold = random_folds(drawn[1].records, 2)[0]
    write_fold(fold, drawn[1])
    other = random_folds(drawn[1].records, 2, seed=9)[1]
    write_fold(other, drawn[1])
    with pytest.raises(DataError, match="remove the older fold"):
        read_candidates(tmp_path / "folds", drawn[1])


def test_folds_of_two_states_of_the_code_give_no_result(tmp_path: Path, drawn: Drawn, write_fold: Write) -> None:
    for digest, fold in zip("ab", random_folds(drawn[1].records, 2), strict=True):
        write_fold(fold, drawn[1], made_by=digest)
    with pytest.raises(DataError, match="made by different options or code"):
        read_candidates(tmp_path / "folds", drawn[1])
