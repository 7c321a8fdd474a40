"""One protocol's result: its folds' answers pooled, measured, and given intervals."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference import read_card
from training.data.dataset import LABELS
from training.data.manifest import Manifest
from training.evaluation import metrics
from training.evaluation.bootstrap import REPLICATES, estimate, runs
from training.evaluation.folds import FoldFile
from training.evaluation.metrics import Predictions
from training.evaluation.predictions import Measured
from training.evaluation.results import SlideScore, rounded
from training.evidence import Estimate, FoldScore, ProtocolResult


@dataclass(frozen=True)
class Truth:
    """What is known of the tested fields of a protocol, fold after fold; each int64[n].

    Attributes
    ----------
    labels, folds
        As in ``Predictions``.
    strata, clusters
        Fold and label as one number; run of neighbours within it.
    """

    keys: tuple[str, ...]
    labels: NDArray[np.int64]
    folds: NDArray[np.int64]
    strata: NDArray[np.int64]
    clusters: NDArray[np.int64]

    @classmethod
    def of(cls, folds: Sequence[FoldFile], manifest: Manifest) -> "Truth":
        """Look up the fields that the folds test."""
        records = {record.key: record for record in manifest.records}
        keys = tuple(key for fold in folds for key in fold.record.test)
        numbers = np.array([records[key].acquisition or 0 for key in keys])
        labels = np.array([LABELS.index(records[key].label) for key in keys])
        places = np.repeat(np.arange(len(folds)), [len(fold.record.test) for fold in folds])
        strata = places * len(LABELS) + labels
        return cls(keys, labels, places, strata, runs(strata, numbers))


def predictions_of(folds: Sequence[FoldFile], answers: Sequence[Measured], truth: Truth) -> Predictions:
    """Pool what the folds' files answered."""
    return metrics.pool(
        [
            (truth.labels[truth.folds == place], measured, read_card(fold.folder))
            for place, (fold, measured) in enumerate(zip(folds, answers, strict=True))
        ]
    )


def result_of(
    folds: Sequence[FoldFile],
    predictions: Predictions,
    truth: Truth,
    replicates: int = REPLICATES,
    more: Mapping[str, Estimate] | None = None,
) -> ProtocolResult:
    """Measure one protocol's pooled predictions; ``more`` metrics are put beside those of ``measures``."""
    estimates = estimate(
        lambda which: metrics.measures(predictions.take(which)), truth.clusters, truth.strata, replicates
    )
    return ProtocolResult(
        folds=scores_by_fold(folds, predictions),
        images=len(predictions),
        metrics={**{name: one for name, one in estimates.items() if "/" not in name}, **(more or {})},
        sensitivity=_part(estimates, "sensitivity/"),
        specificity=_part(estimates, "specificity/"),
        confusion=metrics.confusion(predictions.labels, predictions.predicted).tolist(),
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
        Inferred slide by key.

    Returns
    -------
    (list of SlideScore, Estimate)
        Every slide; and the pooled balanced accuracy with an interval that resamples whole slides within each label.
    """
    names, clusters = np.unique([slides[key] for key in truth.keys], return_inverse=True)
    scores = []
    for place, name in enumerate(names):
        here = clusters == place
        wrong = predictions.predicted[here & (predictions.predicted != truth.labels)]
        scores.append(
            SlideScore(
                name=str(name),
                images=int(here.sum()),
                sensitivity=rounded(1 - len(wrong) / here.sum()),
                mistaken_for=LABELS[Counter(wrong.tolist()).most_common(1)[0][0]] if len(wrong) else None,
            )
        )
    whole = estimate(
        lambda which: {
            "balanced_accuracy": metrics.balanced_accuracy(
                metrics.confusion(truth.labels[which], predictions.predicted[which])
            )
        },
        clusters,
        truth.labels,
        replicates,
    )
    return scores, whole["balanced_accuracy"]


def _part(estimates: Mapping[str, Estimate], prefix: str) -> dict[str, Estimate]:
    return {name.removeprefix(prefix): one for name, one in estimates.items() if name.startswith(prefix)}
