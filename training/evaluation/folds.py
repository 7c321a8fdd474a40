"""The folds that ``crossvalidate`` left: for each, a model folder and the fields that it never saw.

What a fold's model folder says of its fold; written last, so that a folder with it is whole.

One protocol's result: its folds' answers pooled, measured, and given intervals.
"""

import ast
import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

import inference
from inference import read_card
from training.atomic_write import write_whole
from training.data.labels import DataError
from training.data.manifest import Manifest
from training.data.splits import Fold
from training.evaluation import metrics
from training.evaluation.bootstrap import REPLICATES, estimate, runs
from training.evaluation.metrics import Predictions
from training.evaluation.predictions import Measured
from training.evaluation.results import Estimate, FoldScore, ProtocolResult, SlideScore, rounded

FOLD_NAME = "fold.json"


def method_digest(*options: object) -> str:
    """Name how a fold is made: its options, and the code that trains and serves, without comments and docstrings.

    Parameters
    ----------
    *options
        Whose ``repr`` says what they are.

    Returns
    -------
    str
        SHA-256 in hexadecimal; what another state of the code made has another.
    """
    digest = hashlib.sha256(repr(options).encode())
    package = Path(__file__).resolve().parents[1]
    folders = [Path(inference.__file__).parent, *(package / name for name in ("data", "models", "serving"))]
    sources = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    for path in [package / "experiment.py", *sources]:
        digest.update(_code_alone(path.read_text(encoding="utf-8")))
    return digest.hexdigest()


@cache
def _code_alone(source: str) -> bytes:
    """Give a file's code in a form that no comment and no docstring changes."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        for _, value in ast.iter_fields(node):
            if isinstance(value, list):
                value[:] = [child for child in value if not _is_text_alone(child)]
    return ast.dump(tree).encode()


def _is_text_alone(node: object) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def write_record(folder: Path, protocol: str, fold: Fold, manifest: Manifest, made_by: str) -> None:
    """Write ``fold.json``: the protocol, the fold's name, digests of data and method, and the keys of each part."""
    record = {
        "protocol": protocol,
        "name": fold.name,
        "manifest": manifest.digest,
        "made_by": made_by,
        "train": list(fold.train),
        "test": list(fold.test),
        "gap": list(fold.gap),
    }
    write_whole(folder / FOLD_NAME, json.dumps(record, indent=0).encode())


LARGE_SLIDE = 10
"""Fields from which on a slide has a share worth telling."""
CROSSVALIDATE = "python -m training crossvalidate --data DATA --protocol {protocol}"
"""To which the recipe's own options are added."""


class FoldRecord(BaseModel):
    """``fold.json``: what was trained on, what is tested, what is on neither side.

    Attributes
    ----------
    made_by
        Digest of the options and the code that made it; empty where a version that kept none did.
    """

    model_config = ConfigDict(frozen=True)

    protocol: str
    name: str
    manifest: str
    made_by: str = ""
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
        A fold is of other data, has a field on both sides, tests a field that another of its protocol tests, or was
        made by other options or code than the next.
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
    for name, protocols in candidates.items():
        if len({fold.record.made_by for folds in protocols.values() for fold in folds}) > 1:
            raise DataError(
                f"the folds in {folder / name} were made by different options or code: make the older ones again with "
                "`python -m training crossvalidate ... --again`"
            )
    return candidates


def read_fold(folder: Path, manifest: Manifest) -> FoldFile:
    """Read the record of one finished fold.

    Raises
    ------
    DataError
        It is of other data, or has a field on both sides.
    """
    return FoldFile(folder, _read(folder / FOLD_NAME, manifest))


def is_made_by(folder: Path, manifest: Manifest, made_by: str) -> bool:
    """Tell whether a finished fold is of these fields, these options and this code."""
    try:
        record = _read(folder / FOLD_NAME, manifest)
    except DataError:
        return False
    return record.made_by == made_by


def incomplete(protocols: Mapping[str, Sequence[FoldFile]], manifest: Manifest, names: Sequence[str]) -> list[str]:
    """Name the protocols with missing folds, where not every field is tested."""
    all_keys = {record.key for record in manifest.records}
    tested = {name: {key for fold in protocols.get(name, ()) for key in fold.record.test} for name in names}
    return [name for name in names if tested[name] != all_keys]


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
    if overlap := set(record.test) & {*record.train, *record.gap}:
        raise DataError(f"{path} tests {min(overlap)} and has it in training or gap too: make the fold again")
    if unknown := set(record.test) - {entry.key for entry in manifest.records}:
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


@dataclass(frozen=True)
class Truth:
    """Labels, folds and clusters of a protocol's tested fields, fold after fold; each int64[n].

    Attributes
    ----------
    labels, folds
        As in ``Predictions``.
    ids
        Of the labels.
    strata, clusters
        Fold and label as one number; run of neighbours within it. Where groups were told, these are the clusters, in
        one stratum: a patient may have images of every label.
    """

    keys: tuple[str, ...]
    labels: NDArray[np.int64]
    folds: NDArray[np.int64]
    strata: NDArray[np.int64]
    clusters: NDArray[np.int64]
    ids: tuple[str, ...]

    @classmethod
    def of(cls, folds: Sequence[FoldFile], manifest: Manifest) -> "Truth":
        """Look up the fields that the folds test."""
        records = {record.key: record for record in manifest.records}
        keys = tuple(key for fold in folds for key in fold.record.test)
        numbers = np.array([records[key].acquisition or 0 for key in keys])
        labels = np.array([manifest.labels.index(records[key].label) for key in keys])
        fold_numbers = np.repeat(np.arange(len(folds)), [len(fold.record.test) for fold in folds])
        if manifest.groups is not None:
            groups = np.unique([manifest.groups[key] for key in keys], return_inverse=True)[1]
            return cls(
                keys, labels, fold_numbers, np.zeros(len(keys), np.int64), groups.astype(np.int64), manifest.labels
            )
        strata = fold_numbers * len(manifest.labels) + labels
        return cls(keys, labels, fold_numbers, strata, runs(strata, numbers), manifest.labels)


def predictions_of(folds: Sequence[FoldFile], answers: Sequence[Measured], truth: Truth) -> Predictions:
    """Pool what the folds' files answered."""
    return metrics.pool(
        [
            (truth.labels[truth.folds == index], measured, read_card(fold.folder))
            for index, (fold, measured) in enumerate(zip(folds, answers, strict=True))
        ]
    )


def result_of(
    folds: Sequence[FoldFile],
    predictions: Predictions,
    truth: Truth,
    replicates: int = REPLICATES,
    extra_metrics: Mapping[str, Estimate] | None = None,
) -> ProtocolResult:
    """Measure one protocol's pooled predictions; ``extra_metrics`` are put beside those of ``measures``."""
    scores = scores_by_fold(folds, predictions)
    return pooled_result(scores, predictions, truth.clusters, truth.strata, replicates, extra_metrics)


def pooled_result(
    scores: Sequence[FoldScore],
    predictions: Predictions,
    clusters: NDArray[np.int64],
    strata: NDArray[np.int64],
    replicates: int = REPLICATES,
    extra_metrics: Mapping[str, Estimate] | None = None,
) -> ProtocolResult:
    """Measure pooled predictions, with intervals that draw whole clusters within each stratum.

    Parameters
    ----------
    scores : sequence of FoldScore
        Of each fold alone.
    predictions : Predictions
        Of all folds.
    clusters, strata : int64[n]
        Of each prediction.
    replicates : int
        How often is drawn.
    extra_metrics : mapping of str to Estimate, optional
        Metrics that are put beside those of ``measures``.
    """
    estimates = estimate(lambda positions: metrics.measures(predictions.take(positions)), clusters, strata, replicates)
    return ProtocolResult(
        folds=list(scores),
        images=len(predictions),
        metrics={**{name: value for name, value in estimates.items() if "/" not in name}, **(extra_metrics or {})},
        sensitivity=_estimates_of(estimates, "sensitivity/"),
        specificity=_estimates_of(estimates, "specificity/"),
        confusion=predictions.confusion.tolist(),
        reliability=[(rounded(a), rounded(b), n) for a, b, n in metrics.reliability(predictions)],
        risk_coverage=[(rounded(a), rounded(b)) for a, b in metrics.risk_coverage(predictions)],
    )


def scores_by_fold(folds: Sequence[FoldFile], predictions: Predictions) -> list[FoldScore]:
    """Score each fold alone."""
    scores = metrics.fold_scores(predictions)
    return [
        FoldScore(name=fold.record.name, images=len(fold.record.test), balanced_accuracy=rounded(score))
        for fold, score in zip(folds, scores, strict=True)
    ]


def by_slide(
    predictions: Predictions, truth: Truth, slides: Mapping[str, str], replicates: int = REPLICATES
) -> tuple[list[SlideScore], Estimate]:
    """Score leave-slides-out slide by slide.

    Parameters
    ----------
    slides
        Inferred slide, or told group, by key.

    Returns
    -------
    (list of SlideScore, Estimate)
        Every slide; and the pooled balanced accuracy with an interval that resamples whole slides: within each label,
        where every slide has one.
    """
    names, clusters = np.unique([slides[key] for key in truth.keys], return_inverse=True)
    scores = []
    for index, name in enumerate(names):
        on_slide = clusters == index
        wrong = predictions.predicted[on_slide & (predictions.predicted != truth.labels)]
        scores.append(
            SlideScore(
                name=str(name),
                images=int(on_slide.sum()),
                sensitivity=rounded(1 - len(wrong) / on_slide.sum()),
                mistaken_for=truth.ids[Counter(wrong.tolist()).most_common(1)[0][0]] if len(wrong) else None,
                **_verdicts(predictions, on_slide),
            )
        )
    pooled = estimate(
        lambda positions: {"balanced_accuracy": metrics.balanced_accuracy(predictions.take(positions).confusion)},
        clusters,
        truth.labels if _one_label_each(clusters, truth.labels) else np.zeros_like(clusters),
        replicates,
    )
    return scores, pooled["balanced_accuracy"]


def _one_label_each(clusters: NDArray[np.int64], labels: NDArray[np.int64]) -> bool:
    return len(np.unique(np.stack([clusters, labels]), axis=1).T) == len(np.unique(clusters))


def _verdicts(predictions: Predictions, on_slide: NDArray[np.bool_]) -> dict[str, Any]:
    """Give a slide's shares of each verdict, and the share right among those accepted, None where none is."""
    side = predictions.called == predictions.malignant
    label = predictions.predicted == predictions.labels
    shares: dict[str, Any] = {
        "turned_away": rounded(1 - predictions.known[on_slide].mean()),
        "covered": rounded(predictions.covered[on_slide].mean()),
    }
    for name, sure, right in (("triage_", predictions.triaged, side), ("", predictions.accepted, label)):
        sure_on_slide = on_slide & sure
        shares[f"{name}accepted"] = rounded(sure[on_slide].mean())
        shares["triage_right" if name else "accepted_right"] = (
            rounded(right[sure_on_slide].mean()) if sure_on_slide.any() else None
        )
    return shares


def over_slides(slides: Sequence[SlideScore]) -> dict[str, Estimate]:
    """Average over slides, each weighing alike, and find the worst triage; without intervals."""
    accepted = [slide.accepted_right for slide in slides if slide.accepted_right is not None]
    large = [slide.triage_right for slide in slides if slide.triage_right is not None and slide.images >= LARGE_SLIDE]
    values = {
        "prediction_set_coverage_by_slide": float(np.mean([slide.covered for slide in slides])),
        "turned_away_worst_slide": max(slide.turned_away for slide in slides),
        **({"accuracy_of_accepted_by_slide": float(np.mean(accepted))} if accepted else {}),
        **({"triage_worst_slide": min(large)} if large else {}),
    }
    return {
        name: Estimate(value=rounded(value), low=rounded(value), high=rounded(value)) for name, value in values.items()
    }


def _estimates_of(estimates: Mapping[str, Estimate], prefix: str) -> dict[str, Estimate]:
    return {name.removeprefix(prefix): value for name, value in estimates.items() if name.startswith(prefix)}
