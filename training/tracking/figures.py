"""The figures of one run: from its predictions on fields that it was not trained on."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from inference import ClassSpec
from training.data.classes import labels_of
from training.evaluation.metrics import Predictions, reliability, risk_coverage, roc_curves

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")
"""Okabe and Ito's, told apart by colour-blind readers."""
_WRONG = COLOURS[1]
SHEET_COLUMNS = 6


def run_figures(
    labels: NDArray[np.int64], probabilities: NDArray[np.floating[Any]], classes: Sequence[ClassSpec]
) -> dict[str, Figure]:
    """Draw confusion matrix, ROC, reliability diagram and risk-coverage.

    Parameters
    ----------
    labels : int64[n]
        Truth.
    probabilities : float[n, classes]
        Answers.
    classes : sequence of ClassSpec
        What they are of.

    Returns
    -------
    dict
        By name: ``confusion``, ``roc``, ``reliability``, ``risk-coverage``.
    """
    shares = probabilities.astype(np.float64)
    shares /= shares.sum(1, keepdims=True)
    all_fields = np.ones(len(labels), bool)
    malignant = shares[:, [spec.triage == "malignant" for spec in classes]].sum(1)
    first_fold = np.zeros(len(labels), np.int64)
    predictions = Predictions(
        labels,
        first_fold,
        shares,
        all_fields,
        all_fields,
        all_fields,
        malignant,
        all_fields,
        malignant >= 0.5,
        tuple(classes),
    )
    drawers = {"confusion": _confusion, "roc": _roc, "reliability": _reliability, "risk-coverage": _risk_coverage}
    figures = {}
    with mpl.rc_context({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False}):
        for name, draw in drawers.items():
            figures[name] = Figure(figsize=(4.0, 3.6), layout="constrained")
            draw(figures[name].add_subplot(), predictions)
    return figures


def prediction_sheet(
    images: NDArray[np.uint8],
    maps: NDArray[np.float32],
    labels: Sequence[str],
    answers: Sequence[tuple[str, float]],
) -> Figure:
    """Draw fields with the heat map of the answered label over each; wrong answers in red.

    Parameters
    ----------
    images : uint8[n, h, w, 3]
        Fields, a few dozen at most. They are real ones: the sheet is for the tracking server, not for publishing.
    maps : float32[n, rows, columns]
        Activation map of the label that was answered.
    labels
        Truth.
    answers
        Label and probability.
    """
    rows = -(-len(images) // SHEET_COLUMNS)
    sheet = Figure(figsize=(1.7 * SHEET_COLUMNS, 1.95 * rows), layout="constrained")
    height, width = images.shape[1:3]
    for number, (image, heat, label, (answer, probability)) in enumerate(
        zip(images, maps, labels, answers, strict=True), 1
    ):
        axes = sheet.add_subplot(rows, SHEET_COLUMNS, number)
        axes.imshow(image, extent=(0, width, height, 0))
        axes.imshow(
            np.maximum(heat, 0), cmap="magma", alpha=0.4, interpolation="bilinear", extent=(0, width, height, 0)
        )
        axes.set_axis_off()
        colour = "black" if answer == label else _WRONG
        axes.set_title(f"{label}: {answer} {probability:.2f}", fontsize=7, color=colour)
    return sheet


def _confusion(axes: Axes, predictions: Predictions) -> None:
    counts = predictions.confusion
    axes.imshow(counts / np.maximum(counts.sum(1, keepdims=True), 1), cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(counts.shape):
        dark = counts[row, column] > counts[row].sum() / 2
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", color="white" if dark else "black")
    axes.set_xticks(range(len(predictions.classes)), labels_of(predictions.classes))
    axes.set_yticks(range(len(predictions.classes)), labels_of(predictions.classes))
    axes.set_xlabel("answer")
    axes.set_ylabel("truth")


def _roc(axes: Axes, predictions: Predictions) -> None:
    for colour, (name, points) in zip(COLOURS, roc_curves(predictions).items(), strict=False):
        axes.plot(*zip(*points, strict=True), color=colour, label=name)
    axes.plot([0, 1], [0, 1], ":", color="grey")
    axes.set_xlabel("1 - specificity")
    axes.set_ylabel("sensitivity")
    axes.legend(frameon=False)


def _reliability(axes: Axes, predictions: Predictions) -> None:
    bins = [(confidence, accuracy) for confidence, accuracy, count in reliability(predictions) if count]
    axes.plot([0, 1], [0, 1], ":", color="grey")
    axes.plot(*zip(*bins, strict=True), "o-", color=COLOURS[0])
    axes.set_xlabel("confidence")
    axes.set_ylabel("accuracy")


def _risk_coverage(axes: Axes, predictions: Predictions) -> None:
    axes.plot(*zip(*risk_coverage(predictions), strict=True), color=COLOURS[0])
    axes.set_xlabel("share answered, most confident first")
    axes.set_ylabel("error among the answered")
