import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from training.data.classes import labels_of, read_classes
from training.data.manifest import Manifest
from training.data.splits import Fold, contiguous_folds, random_folds
from training.data.synthetic import write_dataset
from training.data.validation import manifest_of
from training.evaluation.metrics import Predictions
from training.evaluation.results import (
    Candidate,
    Disturbed,
    Estimate,
    Evidence,
    FoldScore,
    Other,
    ProtocolResult,
    Results,
    SlideScore,
    StrangersResult,
)

CLASSES = read_classes()
LABELS = labels_of(CLASSES)
MALIGNANT = np.array([one.triage == "malignant" for one in CLASSES])
SHIPPED = Path(__file__).resolve().parents[4] / "models" / "default"


@pytest.fixture
def predictions() -> Callable[..., Predictions]:
    """Make predictions from true and predicted labels, each given the same confidence."""

    def make(labels: list[int], predicted: list[int], confidence: float = 0.91, folds: int = 1) -> Predictions:
        count = len(labels)
        probabilities = np.full((count, len(LABELS)), (1 - confidence) / (len(LABELS) - 1))
        probabilities[np.arange(count), predicted] = confidence
        every = np.ones(count, bool)
        verdicts = [every.copy() for _ in range(3)]
        malignancy = probabilities[:, MALIGNANT].sum(1)
        places = np.arange(count) % folds
        return Predictions(
            np.array(labels), places, probabilities, *verdicts, malignancy, every, malignancy >= 0.5, CLASSES
        )

    return make


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    """Draw 40 fields of the model's size, one folder a label, with their manifest inside."""
    folder = tmp_path_factory.mktemp("evaluation") / "data"
    write_dataset(folder, per_class=10, seed=5, fields_per_slide=5)
    manifest = manifest_of(folder, folder.parent / "cache", progress=False)
    (folder / "manifest.jsonl").write_bytes(manifest.content)
    return folder, manifest


def write_fold_into(root: Path, fold: Fold, manifest: Manifest, candidate: str, /, **changed: object) -> Path:
    """Write one fold's folder, with the shipped file as its model."""
    folder = root / "folds" / candidate / fold.name
    folder.mkdir(parents=True)
    for name in ("model.tflite", "model.json"):
        shutil.copy(SHIPPED / name, folder / name)
    record = {
        "protocol": fold.name.rpartition("-")[0],
        "name": fold.name,
        "manifest": manifest.digest,
        "train": fold.train,
        "test": fold.test,
        "gap": fold.gap,
    }
    (folder / "fold.json").write_text(json.dumps(record | changed))
    return folder


@pytest.fixture
def write_fold(tmp_path: Path) -> Callable[..., Path]:
    """Write one fold's folder under ``folds/<candidate>``, with the shipped file as its model."""

    def write(fold: Fold, manifest: Manifest, candidate: str = "lite", /, **changed: object) -> Path:
        return write_fold_into(tmp_path, fold, manifest, candidate, **changed)

    return write


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, drawn: tuple[Path, Manifest]) -> Path:
    """Give a folder with folds of each protocol and the shipped model, as if it had been trained on the drawn set."""
    root, manifest = tmp_path_factory.mktemp("place"), drawn[1]
    for fold in [*random_folds(manifest.records, 2), *contiguous_folds(manifest.records, 2)]:
        write_fold_into(root, fold, manifest, "lite")
    for fold in random_folds(manifest.records, 2, seed=1):
        write_fold_into(root, Fold(fold.name.replace("random", "slides"), fold.train, fold.test), manifest, "lite")
    (root / "docs").mkdir()
    folder = root / "model"
    shutil.copytree(SHIPPED, folder)
    card = json.loads((folder / "model.json").read_text())
    card["training"]["data_manifest"] = drawn[1].digest
    card["training"]["parity"] = {"images": 40, "agreement": 1.0, "max_difference": 0.0002}
    card["evaluation"] = {}
    (folder / "model.json").write_text(json.dumps(card))
    return root


@pytest.fixture
def results() -> Results:
    """Give small results, with every part that a document shows."""
    one = Estimate(value=0.9, low=0.8, high=0.95)
    metrics = dict.fromkeys(
        ("accuracy", "balanced_accuracy", "coverage", "expected_calibration_error", "accuracy_of_accepted"), one
    )
    over_folds = dict.fromkeys(("mean_fold_balanced_accuracy", "worst_fold_balanced_accuracy"), one)
    result = ProtocolResult(
        folds=[FoldScore(name="contiguous-1", images=4, balanced_accuracy=0.875)],
        images=4,
        metrics=metrics | over_folds,
        sensitivity=dict.fromkeys(LABELS, one),
        specificity=dict.fromkeys(LABELS, one),
        confusion=np.eye(4, dtype=int).tolist(),
        reliability=[(0.85, 0.75, 4)],
        risk_coverage=[(0.5, 0.0), (1.0, 0.25)],
    )
    shortcuts = {"mean_colour": {"contiguous": 0.71}, "chance": {"contiguous": 0.25}}
    recipe = Candidate(
        backbone="efficientnet-lite0", size_bytes=14_000_000, recipe={"epochs": "6"}, incomplete=["slides"]
    )
    return Results(
        name="lite",
        candidate=recipe,
        created="2026-11-23T01:00:00+00:00",
        model_sha256="a" * 64,
        recipe_differences={"epochs": ("6", "8")},
        evidence=Evidence(
            manifest_digest="b" * 64,
            protocols={"contiguous": result},
            shortcuts=shortcuts,
            robustness={"none": one, "blur": Estimate(value=0.6, low=0.5, high=0.7)},
            strangers={
                "bccd": StrangersResult(images=200, out_of_distribution=0.9, accepted=0.03, accepted_as_malignant=0.02)
            },
            parity={"agreement": 1.0},
        ),
        others={
            "vgg16": Other(candidate=recipe.model_copy(update={"backbone": "vgg16"}), protocols={"contiguous": result})
        },
        shortcut_folds={"mean_colour": {"contiguous": result.folds}},
        slides=[
            SlideScore(
                name="Pre-01",
                images=3,
                sensitivity=0.333,
                mistaken_for="Early",
                turned_away=0.0,
                triage_accepted=0.667,
                triage_right=1.0,
                accepted=0.0,
                accepted_right=None,
                covered=1.0,
            )
        ],
        disturbed={name: Disturbed(coverage=0.5, accuracy_of_accepted=None) for name in ("none", "blur")},
        roc={"contiguous": {"malignant": [(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)]}},
        sweeps={"vgg16": "| optimizer | balanced accuracy |\n|---|---|\n| adam | 0.77 |\n"},
        versions={"numpy": "2.4.6"},
    )
