"""An evaluation as ``python -m training evaluate`` writes it, through its own classes."""

import random
from typing import Any

from training.evaluation.results import Estimate, Evidence, FoldScore, ProtocolResult, StrangersResult

LABELS = ("Benign", "Early", "Pre", "Pro")
SCORES = {"random": 0.991, "contiguous": 0.951, "slides": 0.842}
SHORTCUTS = {"mean_colour": 0.89, "background": 0.81, "density": 0.6, "corner": 0.47}
DISTURBANCES = ("none", "blur", "jpeg_quality_30", "brightness_down", "stain_shift", "noise")


def around(value: float, width: float = 0.02) -> Estimate:
    return Estimate(value=value, low=value - width, high=min(1.0, value + width))


def protocol(name: str, score: float) -> ProtocolResult:
    rng = random.Random(name)
    images = {label: 500 + 80 * number for number, label in enumerate(LABELS)}
    confusion = []
    for number, label in enumerate(LABELS):
        wrong = round(images[label] * (1 - score))
        row = [0, 0, 0, 0]
        row[number], row[(number + 1) % 4] = images[label] - wrong, wrong
        confusion.append(row)
    metrics = {
        "accuracy": around(score - 0.003),
        "balanced_accuracy": around(score),
        "macro_f1": around(score - 0.004),
        "malignant_sensitivity": around(score + 0.004),
        "malignant_specificity": around(score - 0.02),
        "auroc": around(0.993, 0.004),
        "expected_calibration_error": around(0.021, 0.006),
        "brier": around(0.06, 0.01),
        "coverage": around(0.93),
        "accuracy_of_accepted": around(0.985, 0.008),
    }
    return ProtocolResult(
        folds=[
            FoldScore(name=f"{name}-{n}", images=500, balanced_accuracy=score + rng.uniform(-0.05, 0.008))
            for n in range(1, 6)
        ],
        images=sum(images.values()),
        metrics=metrics,
        sensitivity={label: around(score + rng.uniform(-0.03, 0.008)) for label in LABELS},
        specificity={label: around(score + rng.uniform(0, 0.008)) for label in LABELS},
        confusion=confusion,
        reliability=[(n / 10 + 0.05, n / 10 + 0.05 - rng.uniform(0, 0.04), 30 + 200 * (n == 9)) for n in range(3, 10)],
        risk_coverage=[(n / 300, 0.05 * (n / 300) ** 3) for n in range(1, 301)],
    )


def measured() -> Evidence:
    return Evidence(
        manifest_digest="d" * 64,
        protocols={name: protocol(name, score) for name, score in SCORES.items()},
        shortcuts={name: dict.fromkeys(SCORES, score) for name, score in SHORTCUTS.items()},
        robustness={name: around(0.951 - 0.04 * number) for number, name in enumerate(DISTURBANCES)},
        strangers={
            name: StrangersResult(images=64, out_of_distribution=0.97, accepted=0.016, accepted_as_malignant=0.0)
            for name in ("bccd", "photographs", "noise", "blank", "synthetic")
        },
        parity={"images": 1717, "agreement": 1.0, "max_difference": 5.7e-6},
    )


def as_json() -> dict[str, Any]:
    return measured().model_dump(mode="json")
