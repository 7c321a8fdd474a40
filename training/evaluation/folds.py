"""The folds that ``crossvalidate`` left: for each, a model folder and the fields that it never saw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from training.data.dataset import DataError
from training.data.manifest import Manifest
from training.fold_record import FOLD_NAME

CROSSVALIDATE = "python -m training crossvalidate --data DATA --protocol {protocol}"
"""To which the recipe's own options are added."""


class FoldRecord(BaseModel):
    """``fold.json``: what was trained on, what is tested, what is on neither side."""

    model_config = ConfigDict(frozen=True)

    protocol: str
    name: str
    manifest: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    gap: tuple[str, ...] = ()


@dataclass(frozen=True)
class FoldFile:
    """A fold and the folder of its model."""

    folder: Path
    record: FoldRecord


def read_candidates(folder: Path, manifest: Manifest) -> dict[str, dict[str, list[FoldFile]]]:
    """Read the finished folds of every recipe.

    Parameters
    ----------
    folder
        Holds one folder a recipe, each with one folder a fold.
    manifest
        Of the data that the folds must be of.

    Returns
    -------
    dict
        By recipe and protocol, folds in order of their numbers; a recipe without a finished fold is left out.

    Raises
    ------
    DataError
        A fold is of other data, has a field on both sides, or tests a field that another of its protocol tests.
    """
    candidates: dict[str, dict[str, list[FoldFile]]] = {}
    for candidate in sorted(path for path in folder.glob("*") if path.is_dir()):
        for path in sorted(candidate.glob(f"*/{FOLD_NAME}")):
            fold = read_fold(path.parent, manifest)
            candidates.setdefault(candidate.name, {}).setdefault(fold.record.protocol, []).append(fold)
    for protocols in candidates.values():
        for folds in protocols.values():
            folds.sort(key=lambda fold: _number(fold.record.name))
            _demand_apart(folds)
    return candidates


def read_fold(folder: Path, manifest: Manifest) -> FoldFile:
    """Read the record of one finished fold.

    Raises
    ------
    DataError
        It is of other data, or has a field on both sides.
    """
    return FoldFile(folder, _read(folder / FOLD_NAME, manifest))


def incomplete(protocols: Mapping[str, Sequence[FoldFile]], manifest: Manifest, wanted: Sequence[str]) -> list[str]:
    """Name the protocols of which folds are missing: not every field is tested."""
    everything = {record.key for record in manifest.records}
    tested = {name: {key for fold in protocols.get(name, ()) for key in fold.record.test} for name in wanted}
    return [name for name in wanted if tested[name] != everything]


def _read(path: Path, manifest: Manifest) -> FoldRecord:
    try:
        record = FoldRecord.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise DataError(f"{path} is not a fold's record: {error.errors()[0]['msg']}; remove its folder") from error
    if record.manifest != manifest.digest:
        raise DataError(
            f"{path} is of the data with manifest {record.manifest[:16]}, not of this with {manifest.digest[:16]}: "
            "give the folder that the folds were made from, or make them again with `python -m training crossvalidate`"
        )
    if both := set(record.test) & {*record.train, *record.gap}:
        raise DataError(f"{path} tests {min(both)} and has it in training or gap too: make the fold again")
    if unknown := set(record.test) - {one.key for one in manifest.records}:
        raise DataError(f"{path} tests {min(unknown)}, which the data lacks: make the fold again")
    return record


def _demand_apart(folds: list[FoldFile]) -> None:
    tested: dict[str, Path] = {}
    for fold in folds:
        for key in fold.record.test:
            if key in tested:
                raise DataError(f"{key} is tested in {tested[key]} and in {fold.folder}: remove the older fold")
            tested[key] = fold.folder


def _number(name: str) -> tuple[int, str]:
    digits = name.rpartition("-")[2]
    return (int(digits) if digits.isdigit() else 0, name)
