"""What a sweep found: a JSON file, a Markdown table, a figure, and the table that the command prints.

``<name>.json`` holds a ``SweepReport``::

    {"manifest": "<digest>", "created": "2026-11-23T02:00:00Z", "corner": "visible",
     "features_s": {"vgg16": 402.1},          seconds of the feature pass, or null where it was kept
     "results": [{"trial": {"backbone": "vgg16", "optimizer": "adam", "batch_size": 16, "epochs": 20, "seed": 1,
                            "protocol": "contiguous"},
                  "status": "finished", "error": null, "seconds": 9.1,
                  "folds": [{"name": "contiguous-1", "images": 520, "accuracy": 0.9, "balanced_accuracy": 0.88,
                             "choice_balanced_accuracy": null}, ...],
                  "mean": 0.9, "worst": 0.8, "pooled": 0.9, "choice": 0.9}, ...]}

A failed trial has ``status`` ``failed``, one that a search gave up ``pruned``; either has its ``error``, no folds, and
null for numbers.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from pydantic import BaseModel, ConfigDict

from terminal import Column, Table
from training.atomic_write import write_whole
from training.sweep_trials import Trial, TrialResult
from untrusted import in_markdown

_COLUMNS = {"optimizer": "optimizer", "batch_size": "batch"}
"""Settings that have a column of their own, with its name."""
_SCORES = ("balanced accuracy", "worst fold", "pooled", "compared by", "s")


class SweepReport(BaseModel):
    """A whole sweep.

    Attributes
    ----------
    manifest
        Digest of the fields' manifest.
    corner
        ``hidden``, or ``visible`` where the networks see the scale bar.
    features_s
        Seconds of each backbone's feature pass; None where some of it was kept from before, so that nobody knows.
    results
        In the order of the trials.
    """

    model_config = ConfigDict(extra="forbid")

    manifest: str
    created: datetime
    corner: str
    features_s: dict[str, float | None]
    results: list[TrialResult]


def write_report(report: SweepReport, folder: Path, name: str) -> dict[str, Path]:
    """Write ``<name>.json``, ``.md`` and ``.png``; gives the paths by suffix."""
    paths = {suffix: folder / f"{name}.{suffix}" for suffix in ("json", "md", "png")}
    write_whole(paths["json"], (report.model_dump_json(indent=1) + "\n").encode())
    write_whole(paths["md"], (table(report) + "\n").encode())
    figure(report).savefig(paths["png"], dpi=110, metadata={"Software": None})
    return paths


def table(report: SweepReport) -> str:
    """Give the trials as a Markdown table, the best of each protocol first."""
    names = _names(report)
    lines = [names, ("---",) * len(names), *_rows(report)]
    # A reason may quote what it was given; all other cells are words and numbers of ours.
    escaped = (
        [in_markdown(cell) if cell.startswith(("failed: ", "pruned: ")) else cell for cell in line] for line in lines
    )
    return "\n".join("| " + " | ".join(line) + " |" for line in escaped)


def terminal_table(report: SweepReport) -> Table:
    """Give the same rows for a terminal or a pipe."""
    names = _names(report)
    words = names.index(_SCORES[0])
    terminal_rows = Table([*names[:words], *(Column(name, right=True) for name in names[words:])])
    for row in _rows(report):
        terminal_rows.add(*row)
    return terminal_rows


def _has_other_settings(report: SweepReport) -> bool:
    """Tell whether trials have settings beside optimizer and batch size."""
    return any(set(result.trial.settings) - set(_COLUMNS) for result in report.results)


def _names(report: SweepReport) -> tuple[str, ...]:
    return (
        "protocol",
        "backbone",
        *_COLUMNS.values(),
        *(("settings",) if _has_other_settings(report) else ()),
        *_SCORES,
    )


def _rows(report: SweepReport) -> Iterator[tuple[str, ...]]:
    for result in ranked(report.results):
        trial = result.trial
        scores = [result.mean, result.worst, result.pooled, result.choice]
        row = ["" if value is None else f"{value:.4f}" for value in scores]
        if result.status != "finished":
            row = [
                f"{result.status}: {next(iter((result.error or '').splitlines()), 'no reason given')[:80]}",
                "",
                "",
                "",
            ]
        yield (
            trial.protocol,
            trial.backbone,
            *(trial.settings.get(name, "") for name in _COLUMNS),
            *((_settings(trial),) if _has_other_settings(report) else ()),
            *row,
            f"{result.seconds:.1f}",
        )


def _settings(trial: Trial) -> str:
    return ", ".join(
        f"{name.replace('_', '-')} {value}" for name, value in trial.settings.items() if name not in _COLUMNS
    )


def ranked(results: list[TrialResult]) -> list[TrialResult]:
    """Sort by protocol, then best first; failed ones last."""
    return sorted(results, key=lambda result: (result.trial.protocol, -(result.choice or 0.0), result.trial.name))


def figure(report: SweepReport) -> Figure:
    """Draw every finished trial: its folds as dots, their mean as a bar."""
    finished = [result for result in ranked(report.results) if result.status == "finished"]
    canvas = Figure(figsize=(7.5, 1.2 + 0.28 * max(len(finished), 1)), layout="constrained")
    axes = canvas.add_subplot()
    for row, result in enumerate(finished):
        scores = [fold.balanced_accuracy for fold in result.folds]
        axes.barh(row, result.mean or 0.0, color="#56B4E9", height=0.7)
        axes.plot(scores, np.full(len(scores), row), "o", color="#0072B2", markersize=3)
    axes.set_yticks(range(len(finished)), [result.trial.name for result in finished], fontsize=7)
    axes.invert_yaxis()
    lowest = min((result.worst or 0.0 for result in finished), default=0.0)
    axes.set_xlim(max(0.0, lowest - 0.05), 1.0)
    axes.set_xlabel("balanced accuracy: mean (bar), each fold (dot)")
    return canvas
