"""Everything that is measured of a recipe and of the shipped file, from folds to results."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from inference import ModelCard, load, read_card
from training.data import ood_sets
from training.data.corruptions import DISTURBANCES
from training.data.dataset import load_fields
from training.data.labels import DataError
from training.data.manifest import Manifest
from training.data.protocols import group_names, usable_protocols, with_groups
from training.data.validation import manifest_of
from training.evaluation import magnifications, metrics, shortcuts
from training.evaluation.bootstrap import REPLICATES, estimate
from training.evaluation.fold_predictions import Pictures, Task, answer
from training.evaluation.folds import (
    CROSSVALIDATE,
    FoldFile,
    Truth,
    by_slide,
    incomplete,
    over_slides,
    predictions_of,
    read_candidates,
    result_of,
)
from training.evaluation.predictions import count_ood_set
from training.evaluation.results import (
    PROTOCOLS,
    Candidate,
    Disturbed,
    Estimate,
    Evidence,
    FoldScore,
    Magnified,
    Other,
    ProtocolResult,
    Results,
    SlideScore,
    StrangersResult,
    rounded,
)
from training.progress import bar

PACKAGES = ("ai-edge-litert", "numpy", "pillow", "scikit-image", "scikit-learn", "scipy")
Folds = Mapping[str, Sequence[FoldFile]]


@dataclass(frozen=True)
class Question:
    """What is to be examined; the paths of the ``evaluate`` command."""

    data: Path
    external: list[Path]
    folds: Path
    model: Path
    candidate: str
    sweeps: Path = Path("runs/sweep")
    partial: bool = False
    replicates: int = REPLICATES
    known: Path | None = None
    group_pattern: str | None = None


@dataclass(frozen=True)
class Prepared:
    """What an examination begins with.

    Attributes
    ----------
    manifest
        Of the data.
    candidates
        The folds of every recipe, by its name.
    missing
        Protocols of which the candidate lacks folds.
    card
        Of the shipped model.
    """

    manifest: Manifest
    candidates: Mapping[str, Folds]
    missing: list[str]
    card: ModelCard


@dataclass(frozen=True)
class Knowledge:
    """What every recipe is examined with: the data, its fields, their slides, the bootstrap's length."""

    manifest: Manifest
    pictures: Pictures
    slides: Mapping[str, str]
    replicates: int


@dataclass
class Answered:
    """One recipe's results and curves by protocol; leave-slides-out slide by slide."""

    results: dict[str, ProtocolResult] = field(default_factory=dict)
    roc: dict[str, dict[str, list[tuple[float, float]]]] = field(default_factory=dict)
    slides: list[SlideScore] = field(default_factory=list)


def examine(question: Question) -> Results:
    """Measure it all.

    Raises
    ------
    DataError
        Folds are missing or of other data; says which, and what makes them.
    ModelError
        A model folder cannot be loaded.
    """
    prepared = prepare(question)
    manifest, candidates, card = prepared.manifest, prepared.candidates, prepared.card
    candidate_folds, missing = candidates[question.candidate], prepared.missing
    pictures = _pictures(question.data, manifest)
    slides = group_names(question.data, manifest) if any("slides" in folds for folds in candidates.values()) else {}
    knowledge = Knowledge(manifest, pictures, slides, question.replicates)
    answered = _answer(question.candidate, candidate_folds, knowledge)
    others = earlier_others(question.known, manifest, answered.results) | {
        name: Other(
            candidate=_describe(folds, incomplete(folds, manifest, wanted_protocols(manifest))),
            protocols=_answer(name, folds, knowledge).results,
        )
        for name, folds in candidates.items()
        if name != question.candidate
    }
    robustness, disturbed = _disturb(candidate_folds.get("contiguous", ()), knowledge)
    magnified, scrambled = _magnify(candidate_folds.get("slides", ()), knowledge)
    scores, shortcut_folds = _shortcuts(candidate_folds, pictures, manifest)
    return Results(
        name=question.candidate,
        candidate=_describe(candidate_folds, missing),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        model_sha256=card.sha256,
        recipe_differences=_differences(candidate_folds, card),
        evidence=Evidence(
            manifest_digest=manifest.digest,
            protocols=answered.results,
            shortcuts=scores,
            robustness=robustness,
            strangers=_ood_sets(question),
            magnifications=magnified,
            scrambled=scrambled,
            parity=_parity(card),
        ),
        others=others,
        shortcut_folds=shortcut_folds,
        slides=answered.slides,
        disturbed=disturbed,
        roc=answered.roc,
        sweeps=_sweeps(question.sweeps, manifest),
        versions={package: version(package) for package in PACKAGES},
    )


def prepare(question: Question) -> Prepared:
    """Read what is to be measured, and refuse what cannot be: all of ``examine`` that takes seconds.

    Raises
    ------
    DataError, ModelError
        As ``examine``.
    """
    manifest = with_groups(manifest_of(question.data), question.data, question.group_pattern)
    candidates = read_candidates(question.folds, manifest)
    missing = _demand(question, candidates, manifest)
    return Prepared(manifest, candidates, missing, _shipped(question.model, manifest))


def wanted_protocols(manifest: Manifest) -> list[str]:
    """Name the protocols that a whole evaluation has, as documents order them."""
    usable = usable_protocols(manifest)
    return [protocol for protocol in PROTOCOLS if protocol in usable]


def _demand(question: Question, candidates: Mapping[str, Folds], manifest: Manifest) -> list[str]:
    """Name the protocols of which the candidate lacks folds; refuse holes unless they are allowed."""
    if question.candidate not in candidates:
        available = ", ".join(candidates) or "none at all"
        raise DataError(
            f"{question.folds} has no finished fold of {question.candidate} (of {available}): make them with "
            f"`{CROSSVALIDATE.format(protocol='contiguous')}`, or name another by --candidate"
        )
    candidate_folds = candidates[question.candidate]
    missing = incomplete(candidate_folds, manifest, wanted_protocols(manifest))
    if missing and not question.partial:
        commands = "".join(f"\n  {CROSSVALIDATE.format(protocol=name)}" for name in missing)
        raise DataError(
            f"folds of {question.candidate} are missing for: {', '.join(missing)}. Finish them:{commands}\nor report "
            "what there is with --partial; the documents then say so"
        )
    return missing


def _shipped(folder: Path, manifest: Manifest) -> ModelCard:
    """Load the shipped model once, before an hour's work; see that it is of the same data."""
    card = load(folder).card
    trained = card.training.get("data_manifest", manifest.digest)
    if trained != manifest.digest:
        raise DataError(
            f"{folder} was trained on the data with manifest {str(trained)[:16]}, not on this with "
            f"{manifest.digest[:16]}: give its data, or train it on this"
        )
    return card


def _pictures(data: Path, manifest: Manifest) -> Pictures:
    fields = load_fields(data)
    return Pictures.of(fields.images, fields.keys, manifest)


def _answer(name: str, folds: Folds, knowledge: Knowledge) -> Answered:
    """Answer and measure every protocol of one recipe."""
    answered = Answered()
    for protocol in (usable for usable in PROTOCOLS if usable in folds):
        measured = answer([Task(fold) for fold in folds[protocol]], knowledge.pictures, f"{name}: {protocol}")
        truth = Truth.of(folds[protocol], knowledge.manifest)
        predictions = predictions_of(folds[protocol], measured, truth)
        extra_metrics = {}
        if protocol == "slides":
            answered.slides, slide_accuracy = by_slide(predictions, truth, knowledge.slides, knowledge.replicates)
            extra_metrics = {"balanced_accuracy_by_slide": slide_accuracy, **over_slides(answered.slides)}
        answered.results[protocol] = result_of(folds[protocol], predictions, truth, knowledge.replicates, extra_metrics)
        answered.roc[protocol] = metrics.roc_curves(predictions)
    return answered


def _disturb(folds: Sequence[FoldFile], knowledge: Knowledge) -> tuple[dict[str, Estimate], dict[str, Disturbed]]:
    """Answer the contiguous test fields again under every disturbance, by the very files."""
    robustness, disturbed = {}, {}
    truth = Truth.of(folds, knowledge.manifest)
    for name in DISTURBANCES if folds else ():
        measured = answer([Task(fold, name) for fold in folds], knowledge.pictures, f"disturbed: {name}")
        predictions = predictions_of(folds, measured, truth)

        def score(positions: Any, predictions: metrics.Predictions = predictions) -> dict[str, float]:
            return {"score": metrics.balanced_accuracy(predictions.take(positions).confusion)}

        robustness[name] = estimate(score, truth.clusters, truth.strata, knowledge.replicates)["score"]
        right = predictions.predicted == predictions.labels
        disturbed[name] = Disturbed(
            coverage=rounded(predictions.accepted.mean()),
            accuracy_of_accepted=rounded(right[predictions.accepted].mean()) if predictions.accepted.any() else None,
        )
    return robustness, disturbed


def _magnify(folds: Sequence[FoldFile], knowledge: Knowledge) -> tuple[dict[str, Magnified], Magnified | None]:
    """Ask the files of leave-slides-out about their fields at other magnifications; nothing where there are none."""
    numbers = {record.key: record.acquisition or 0 for record in knowledge.manifest.records}
    return magnifications.examine(folds, knowledge.pictures, knowledge.slides, numbers) if folds else ({}, None)


def _shortcuts(
    folds: Folds, pictures: Pictures, manifest: Manifest
) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, list[FoldScore]]]]:
    features = shortcuts.features_of(pictures.images)
    scores: dict[str, dict[str, float]] = {name: {} for name in shortcuts.SHORTCUTS}
    by_fold: dict[str, dict[str, list[FoldScore]]] = {name: {} for name in shortcuts.SHORTCUTS}
    for protocol in (usable for usable in PROTOCOLS if usable in folds):
        results = shortcuts.audit(folds[protocol], features, pictures, f"shortcuts: {protocol}")
        for name, (score, fold_scores) in results.items():
            scores[name][protocol], by_fold[name][protocol] = score, fold_scores
    scores["chance"] = {protocol: 1 / len(manifest.labels) for protocol in PROTOCOLS if protocol in folds}
    return scores, by_fold


def _ood_sets(question: Question) -> dict[str, StrangersResult]:
    file, collections = load(question.model), ood_sets.collections(question.external)
    return {
        name: StrangersResult.model_validate(count_ood_set(file, images, f"strangers: {name}"))
        for name, images in bar(collections.items(), "strangers", len(collections), unit="collection")
    }


def _describe(folds: Folds, missing: list[str]) -> Candidate:
    """Read off a fold's card what the recipe is."""
    card = read_card(next(iter(folds.values()))[0].folder)
    return Candidate(backbone=card.backbone, size_bytes=card.size_bytes, recipe=_recipe(card), incomplete=missing)


def _recipe(card: ModelCard) -> dict[str, str]:
    recipe = card.training.get("recipe", {})
    return {name: str(value) for name, value in recipe.items()} if isinstance(recipe, dict) else {}


def _differences(folds: Folds, card: ModelCard) -> dict[str, tuple[str, str]]:
    fold_card = read_card(next(iter(folds.values()))[0].folder)
    tried_settings = {"backbone": fold_card.backbone, **_recipe(fold_card)}
    shipped_settings = {"backbone": card.backbone, **_recipe(card)}
    pairs = {
        name: (tried_settings.get(name, "-"), shipped_settings.get(name, "-"))
        for name in sorted({*tried_settings, *shipped_settings})
    }
    return {name: (tried, shipped) for name, (tried, shipped) in pairs.items() if tried != shipped}


def earlier_others(path: Path | None, manifest: Manifest, protocols: Mapping[str, ProtocolResult]) -> dict[str, Other]:
    """Keep what an earlier results file says of other recipes on the same folds, which need not be here now."""
    if path is None or not path.is_file():
        return {}
    earlier = json.loads(path.read_bytes())
    if earlier.get("evidence", {}).get("manifest_digest") != manifest.digest:
        return {}
    others = {}
    for name, content in earlier.get("others", {}).items():
        other = Other.model_validate(content)
        comparable = {
            protocol: result
            for protocol, result in other.protocols.items()
            if protocol not in protocols or _fold_sizes(result) == _fold_sizes(protocols[protocol])
        }
        if comparable:
            others[name] = other.model_copy(update={"protocols": comparable})
    return others


def _fold_sizes(result: ProtocolResult) -> list[tuple[str, int]]:
    """Tell how a set was cut into folds: each one's name and how many fields it tests."""
    return [(fold.name, fold.images) for fold in result.folds]


def _sweeps(folder: Path, manifest: Manifest) -> dict[str, str]:
    """Take over the tables of sweeps on the same data."""
    tables = {}
    for path in sorted(folder.glob("*.json")):
        table = path.with_suffix(".md")
        if table.is_file() and json.loads(path.read_bytes()).get("manifest") == manifest.digest:
            tables[path.stem] = table.read_text()
    return tables


def _parity(card: ModelCard) -> dict[str, float]:
    """Keep what the training run found when it compared the file with its network."""
    differences = card.evaluation.get("parity") or card.training.get("parity") or {}
    return {name: float(value) for name, value in differences.items() if isinstance(value, (int, float))}
