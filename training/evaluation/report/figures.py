"""The figures of the report, drawn from the results file alone; no picture of a smear is in any of them."""

from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.data import corruptions
from training.evaluation.report.wording import PROTOCOL
from training.evaluation.results import PROTOCOLS, ProtocolResult, Results

# Okabe and Ito's palette, told apart by colour-blind readers: https://jfly.uni-koeln.de/color/
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MUTED = "#9a9a9a"
INCH, DPI = 3.4, 110
SOURCE = {"Software": None}
"""Keeps the drawing program's version out of the file, so that the same results give the same bytes."""


def draw(results: Results, folder: Path) -> dict[str, Path]:
    """Draw every figure that the results allow.

    Returns
    -------
    dict
        The PNG files, by name: ``folds``, ``confusion``, ``roc``, ``reliability``, ``risk-coverage``, ``robustness``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    protocol_names = [name for name in PROTOCOLS if name in results.evidence.protocols]
    by_protocol = {"confusion": _confusion, "roc": _roc, "reliability": _reliability, "risk-coverage": _risk_coverage}
    paths = {}
    with mpl.rc_context({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False, "figure.dpi": DPI}):
        paths["folds"] = _save(_folds(results, protocol_names), folder / "folds.png")
        for name, draw_panel in by_protocol.items():
            paths[name] = _save(_panels(results, protocol_names, draw_panel), folder / f"{name}.png")
        if results.evidence.robustness:
            paths["robustness"] = _save(_robustness(results), folder / "robustness.png")
    return paths


def _save(figure: Figure, path: Path) -> Path:
    figure.savefig(path, metadata=SOURCE)
    return path


def _panels(results: Results, protocol_names: list[str], draw_panel: Callable[[Axes, Results, str], None]) -> Figure:
    """Draw one panel for each protocol, side by side."""
    figure = Figure(figsize=(INCH * len(protocol_names), INCH), layout="constrained")
    for k, name in enumerate(protocol_names, 1):
        axes = figure.add_subplot(1, len(protocol_names), k)
        draw_panel(axes, results, name)
        axes.set_title(PROTOCOL[name])
    return figure


def _folds(results: Results, protocol_names: list[str]) -> Figure:
    """Draw each fold's bar of each recipe, and the shortcuts' folds as marks beside them."""
    recipes = {results.name: results.evidence.protocols} | {k: other.protocols for k, other in results.others.items()}
    figure = Figure(figsize=(INCH * len(protocol_names), INCH), layout="constrained")
    for number, protocol in enumerate(protocol_names, 1):
        axes = figure.add_subplot(1, len(protocol_names), number)
        names = [fold.name for fold in results.evidence.protocols[protocol].folds]
        shown = {name: protocols[protocol] for name, protocols in recipes.items() if protocol in protocols}
        width = 0.8 / len(shown)
        for k, (name, result) in enumerate(shown.items()):
            scores = {fold.name: fold.balanced_accuracy for fold in result.folds}
            x_positions = np.arange(len(names)) + (k - (len(shown) - 1) / 2) * width
            values = [scores.get(fold, 0.0) for fold in names]
            axes.bar(x_positions, values, width, label=name, color=COLOURS[k % len(COLOURS)])
        for mark, (name, by_protocol) in zip("osD^", results.shortcut_folds.items(), strict=False):
            scores = {fold.name: fold.balanced_accuracy for fold in by_protocol.get(protocol, [])}
            positions = [k for k, fold in enumerate(names) if fold in scores]
            values = [scores[names[k]] for k in positions]
            axes.plot(
                positions, values, mark, label=name.replace("_", " "), color="black", markersize=4, fillstyle="none"
            )
        chance = 1 / len(results.evidence.protocols[protocol].confusion)
        axes.axhline(chance, color=MUTED, lw=0.8, ls="--", label="chance")
        axes.set_xticks(range(len(names)), [fold.rpartition("-")[2] for fold in names])
        axes.set(title=PROTOCOL[protocol], xlabel="fold", ylim=(0, 1.02), ylabel="balanced accuracy")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    return figure


def _confusion(axes: Axes, results: Results, protocol: str) -> None:
    result: ProtocolResult = results.evidence.protocols[protocol]
    counts, ids = np.array(result.confusion), list(result.specificity)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(*counts.shape):
        dark = shares[row, column] > 0.5
        axes.text(column, row, f"{counts[row, column]}", ha="center", va="center", color="white" if dark else "black")
    axes.set_xticks(range(len(ids)), ids)
    axes.set_yticks(range(len(ids)), ids)
    axes.set(xlabel="predicted", ylabel="true")
    axes.spines[:].set_visible(False)


def _roc(axes: Axes, results: Results, protocol: str) -> None:
    for k, (name, points) in enumerate(results.roc.get(protocol, {}).items()):
        false, true = zip(*points, strict=True)
        axes.plot(
            false, true, label=name, color=COLOURS[k % len(COLOURS)], lw=1.2, ls="--" if name == "malignant" else "-"
        )
    axes.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(-0.01, 0.3), ylim=(0.7, 1.005))
    axes.legend(frameon=False, loc="lower right")


def _reliability(axes: Axes, results: Results, protocol: str) -> None:
    result: ProtocolResult = results.evidence.protocols[protocol]
    confidence, accuracy, count = (np.array(column) for column in zip(*result.reliability, strict=True))
    axes.plot([0, 1], [0, 1], color=MUTED, lw=0.8, ls="--")
    axes.plot(confidence, accuracy, color=COLOURS[0], lw=1)
    axes.scatter(confidence, accuracy, s=8 + 120 * count / count.sum(), color=COLOURS[0])
    error = result.metrics["expected_calibration_error"].value
    axes.text(0.05, 0.92, f"ECE {error:.4f}", transform=axes.transAxes)
    axes.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1.02), ylim=(0, 1.02))


def _risk_coverage(axes: Axes, results: Results, protocol: str) -> None:
    recipes = {results.name: results.evidence.protocols} | {k: other.protocols for k, other in results.others.items()}
    for k, (name, protocols) in enumerate(recipes.items()):
        if protocol in protocols:
            coverage, risk = zip(*protocols[protocol].risk_coverage, strict=True)
            axes.plot(coverage, risk, label=name, color=COLOURS[k % len(COLOURS)], lw=1.2)
    axes.set(xlabel="share answered, most confident first", ylabel="error among the answered", xlim=(0, 1.02))
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, loc="upper left")


def _robustness(results: Results) -> Figure:
    estimates = results.evidence.robustness
    figure = Figure(figsize=(INCH * 2, INCH * 0.8), layout="constrained")
    axes = figure.add_subplot()
    y_positions = np.arange(len(estimates))[::-1]
    values = np.array([estimate.value for estimate in estimates.values()])
    error_bars = np.array(
        [[estimate.value - estimate.low, estimate.high - estimate.value] for estimate in estimates.values()]
    ).T
    axes.errorbar(values, y_positions, xerr=error_bars, fmt="o", color=COLOURS[0], ms=4, capsize=2, lw=1)
    axes.axvline(values[0], color=MUTED, lw=0.8, ls="--")
    axes.set_yticks(y_positions, [corruptions.TOLD[name] for name in estimates])
    axes.set_xlabel("balanced accuracy on contiguous test fields, 95 % interval")
    return figure
