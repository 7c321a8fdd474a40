"""Figures of the page, in one style, written to docs/images/benchmarks/."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .machine import ROOT

FOLDER = ROOT / "docs" / "images" / "benchmarks"
INCHES = (7.0, 3.4)
# Okabe and Ito's colours, told apart without colour vision.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00")


def bars(name: str, groups: Sequence[str], series: Mapping[str, Sequence[float]], unit: str, *, log: bool) -> Path:
    """Draw horizontal bars: one group a line, one colour a series."""
    figure, axes = _figure(0.6 + 0.22 * len(groups) * len(series) + 0.6)
    height = 0.8 / len(series)
    for number, (label, values) in enumerate(series.items()):
        places = [line + (number - (len(series) - 1) / 2) * height for line in range(len(groups))]
        patches = axes.barh(places, values, height * 0.92, label=label, color=COLOURS[number % len(COLOURS)])
        axes.bar_label(patches, [f"{value:.3g}" for value in values], padding=3, fontsize=8)
    axes.set_yticks(range(len(groups)), groups)
    axes.invert_yaxis()
    axes.set_xlabel(unit)
    if log:
        axes.set_xscale("log")
    axes.margins(x=0.12)
    if len(series) > 1:
        axes.legend(frameon=False, fontsize=8)
    return _save(figure, name)


def curves(
    name: str, series: Mapping[str, tuple[Sequence[float], Sequence[float]]], x_label: str, y_label: str
) -> Path:
    """Draw curves on logarithmic axes: a straight line is a power, and its slope the exponent."""
    figure, axes = _figure(INCHES[1])
    for number, (label, (sizes, values)) in enumerate(series.items()):
        axes.loglog(sizes, values, "o-", label=label, color=COLOURS[number % len(COLOURS)], markersize=4)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend(frameon=False, fontsize=8)
    return _save(figure, name)


def embed(name: str, alt_text: str) -> str:
    """Give the line of Markdown that shows a figure; ``alt_text`` is for those who do not see it."""
    return f"![{alt_text}](images/benchmarks/{name}.png)\n"


def _figure(height_inches: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(INCHES[0], height_inches), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _save(figure: Figure, name: str) -> Path:
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.png"
    # Without the version of the library, so that the same results give the same file.
    figure.savefig(path, dpi=150, metadata={"Software": None})
    return path
