"""What an adapted head is worth on groups that it never saw, in the form that a card carries and the page draws."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference import ModelCard
from training.data.groups import Groups
from training.evaluation import metrics
from training.evaluation.folds import pooled_result
from training.evaluation.predictions import Measured
from training.evaluation.results import FoldScore, ProtocolResult, rounded

REPLICATES = 400
PROTOCOL_OF = {"run of numbers": "contiguous", "image": "random"}
"""What the page calls it; every group that was told or inferred counts as a slide left out."""


def examine_groups(
    card: ModelCard,
    labels: NDArray[np.int64],
    groups: Sequence[str],
    folds: NDArray[np.int64],
    measured: Measured,
) -> ProtocolResult:
    """Measure answers on groups left out, with intervals that draw whole groups.

    Parameters
    ----------
    card : ModelCard
        By whose rules answers are read.
    labels, folds : int64[n]
        Truth, and which fold asked.
    groups : sequence of str
        Of each image.
    measured : Measured
        The answers.
    """
    answers_by_fold = [(labels[folds == fold], _select(measured, folds == fold), card) for fold in np.unique(folds)]
    predictions = metrics.pool(answers_by_fold)
    order = np.concatenate([np.flatnonzero(folds == fold) for fold in np.unique(folds)])
    clusters = np.unique(np.asarray(groups)[order], return_inverse=True)[1].astype(np.int64)
    sizes = np.bincount(folds)
    scores = [
        FoldScore(name=f"fold-{number + 1}", images=int(sizes[number]), balanced_accuracy=rounded(score))
        for number, score in zip(np.unique(folds).tolist(), metrics.fold_scores(predictions), strict=True)
    ]
    return pooled_result(scores, predictions, clusters, np.zeros_like(clusters), REPLICATES)


def headline(result: ProtocolResult, groups: Groups, count: int) -> str:
    """Sum up the model in a line, after a warning where it is not known which images belong together."""
    plural = {"run of numbers": "runs of numbers"}.get(groups.kind, f"{groups.kind}s")
    accuracy = result.metrics["balanced_accuracy"]
    parts = [
        f"Balanced accuracy {accuracy.value:.3f} [{accuracy.low:.3f}, {accuracy.high:.3f}] over "
        f"{len(result.confusion)} classes, on {count} {plural} left out"
    ]
    if (auroc := result.metrics.get("malignant_auroc")) is not None:
        parts.append(f"malignant against benign AUROC {auroc.value:.3f} [{auroc.low:.3f}, {auroc.high:.3f}]")
    return " ".join([*([groups.warning] if groups.warning else []), "; ".join(parts) + "."])


def evaluation_of(protocol: str, result: ProtocolResult, extra_fields: dict[str, Any]) -> dict[str, Any]:
    """Arrange what a card's ``evaluation`` holds."""
    return {"protocols": {protocol: result.model_dump(mode="json")}, **extra_fields}


def _select(measured: Measured, mask: NDArray[np.bool_]) -> Measured:
    return Measured(measured.probabilities[mask], measured.scores[mask])
