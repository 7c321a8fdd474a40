"""Told groups in ``train``, ``crossvalidate`` and ``evaluate``: left out whole, whatever files are called."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training.data import protocols
from training.data.dataset import Fields
from training.data.labels import DataError
from training.data.manifest import Manifest, Record
from training.data.protocols import folds_of, holdout_of, usable_protocols, with_groups
from training.evaluation.folds import FoldFile, FoldRecord, Truth

LABELS, PATIENTS, EACH = ("blast", "mature"), 8, 4


def records(name: str = "cell-{}") -> list[Record]:
    """Four images of each of two classes of every patient; those of two patients look alike."""
    letters = "abcdefghijklmnopqrstuvwxyzABCDEF"
    return [
        Record(
            key=f"{label}/{name.format(letters[place])}.png",
            sha256="0" * 64,
            size_bytes=1,
            label=label,
            width=96,
            height=96,
            duplicate_group="00" if place in (0, PATIENTS - 1) else None,
        )
        for label in LABELS
        for place in range(PATIENTS * EACH)
    ]


@pytest.fixture
def manifest() -> Manifest:
    some = records()
    patients = {one.key: f"P{place % PATIENTS}" for place, one in enumerate(some)}
    return replace(Manifest.of(some), groups=patients)


@pytest.fixture
def fields(manifest: Manifest) -> Fields:
    keys = tuple(one.key for one in manifest.records)
    labels = np.array([LABELS.index(one.label) for one in manifest.records])
    paths = tuple(map(Path, keys))
    return Fields(np.zeros((len(keys), 1, 1, 3), np.uint8), labels, np.arange(len(keys)), paths, (), keys)


def test_folds_leave_patients_out_and_no_slide_is_inferred(manifest: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocols, "slides_of", lambda *_: pytest.fail("slides were inferred although groups are told"))
    assert manifest.groups is not None
    folds = folds_of("slides", Path("nowhere"), manifest)
    assert len(folds) == 5
    for fold in folds:
        sides = [{manifest.groups[key] for key in part} for part in (fold.train, fold.test)]
        assert not sides[0] & sides[1]


def test_files_without_numbers_have_no_runs(manifest: Manifest) -> None:
    assert usable_protocols(manifest) == ("random", "slides")
    numbered = [one.model_copy(update={"acquisition": 1}) for one in manifest.records]
    assert usable_protocols(Manifest.of(numbered)) == ("contiguous", "random", "slides")


def test_training_holds_patients_out(manifest: Manifest, fields: Fields) -> None:
    held = holdout_of(fields, manifest)
    assert manifest.groups is not None
    patients = [{manifest.groups[fields.keys[k]] for k in part} for part in (held.train, held.calibration, held.test)]
    assert sum(map(len, patients)) == PATIENTS
    assert set.union(*patients) == set(manifest.groups.values())
    assert set(fields.labels[held.test]) == {0, 1}


def test_two_patients_are_too_few_to_train_on(manifest: Manifest, fields: Fields) -> None:
    assert manifest.groups is not None
    two = {key: f"P{int(name[1:]) % 2}" for key, name in manifest.groups.items()}
    with pytest.raises(DataError, match="in fewer than three groups: add images of another patient"):
        holdout_of(fields, replace(manifest, groups=two))


def test_a_network_is_calibrated_on_patients_left_out(manifest: Manifest, fields: Fields) -> None:
    from training.models.learners import inner_parts

    assert manifest.groups is not None
    parts = inner_parts(fields, manifest)
    assert sorted(np.concatenate([asked for _, asked in parts]).tolist()) == list(range(len(fields)))
    for learnt, asked in parts:
        assert not {manifest.groups[fields.keys[k]] for k in learnt} & {manifest.groups[fields.keys[k]] for k in asked}


def test_intervals_draw_whole_patients(manifest: Manifest) -> None:
    assert manifest.groups is not None
    files = [
        FoldFile(Path(), FoldRecord(protocol="slides", name=one.name, manifest="", train=one.train, test=one.test))
        for one in folds_of("slides", Path("nowhere"), manifest)
    ]
    truth = Truth.of(files, manifest)
    assert len(set(truth.strata.tolist())) == 1
    names = [manifest.groups[key] for key in truth.keys]
    assert len(set(zip(names, truth.clusters.tolist(), strict=True))) == len(set(names)) == PATIENTS


def test_a_folder_tells_groups_and_a_pattern_overrules_folders(tmp_path: Path) -> None:
    for label in LABELS:
        for patient in ("A", "B"):
            (tmp_path / label / patient).mkdir(parents=True)
            (tmp_path / label / patient / f"{'KL'[patient == 'B']}{patient}.png").write_bytes(b"")
    bare = Manifest.of([])
    assert with_groups(bare, tmp_path).groups == {
        f"{label}/{patient}/{'KL'[patient == 'B']}{patient}.png": patient for label in LABELS for patient in "AB"
    }
    told = with_groups(bare, tmp_path, "^[KL]").groups
    assert told is not None
    assert set(told.values()) == {"K", "L"}


def test_of_one_group_alone_nothing_is_left_out(tmp_path: Path) -> None:
    for label in LABELS:
        (tmp_path / label / "A").mkdir(parents=True)
        (tmp_path / label / "A" / "one.png").write_bytes(b"")
    assert with_groups(Manifest.of([]), tmp_path).groups is None
