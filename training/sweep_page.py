"""The comparison page of a sweep or search: parallel coordinates, and what each point cost; one HTML file by itself."""

import html
import io
import warnings
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from training.atomic_write import write_whole
from training.sagemaker_jobs.prices import read_prices
from training.sweep_report import SweepReport, ranked
from training.sweep_trials import SETTING_NAMES, TrialResult

PRICED = ("ml.m5.xlarge", "us-east-1")
"""What a point's seconds are priced by: the instance of environments/dev.toml, where prices are without a factor."""
COMPARED = ("backbone", *SETTING_NAMES, "epochs", "protocol")
"""What of a trial may differ; columns are those that some trial has."""
_STYLE = """body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1a1a1a}
table{border-collapse:collapse;width:100%}th,td{padding:.3rem .6rem;text-align:left;border-bottom:1px solid #ddd}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}svg{max-width:100%;height:auto}"""


def write_page(report: SweepReport, folder: Path, name: str) -> Path:
    """Write ``<name>.html``; gives its path."""
    path = folder / f"{name}.html"
    write_whole(path, page(report, name).encode())
    return path


def page(report: SweepReport, name: str) -> str:
    """Give the page."""
    hourly = read_prices().hourly(*PRICED)
    results = ranked(report.results)
    seconds = sum(result.seconds for result in results)
    title = html.escape(name)
    finished = [result for result in results if result.status == "finished"]
    created = report.created.astimezone(UTC)
    parts = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>',
        f"<h1>{title}</h1><p>{len(results)} points, {len(finished)} finished; begun {created:%Y-%m-%d %H:%M} UTC; "
        f"fields {html.escape(report.manifest[:16])}, scale bar {html.escape(report.corner)}. "
        f"{seconds:.0f} s in all, without the features: ${hourly * seconds / 3600:.4f} at {PRICED[0]} in {PRICED[1]} "
        f"(${hourly:.3f} an hour).</p>",
        _parallel(finished),
        _table(results, hourly),
    ]
    return "\n".join(part for part in parts if part) + "\n</html>\n"


def _table(results: Sequence[TrialResult], hourly: float) -> str:
    numbers = ("compared by", "balanced accuracy", "worst fold", "s", "$")
    compared = [column for column in COMPARED if any(getattr(result.trial, column) is not None for result in results)]
    heads = [f"<th>{name.replace('_', ' ')}" for name in (*compared, "status")] + [
        f'<th class="n">{heading}' for heading in numbers
    ]
    rows = []
    for result in results:
        words = [_word(getattr(result.trial, column)) for column in compared]
        words.append(
            result.status if result.error is None else f"{result.status}: {result.error.splitlines()[0][:120]}"
        )
        scores = ["" if score is None else f"{score:.4f}" for score in (result.choice, result.mean, result.worst)]
        scores += [f"{result.seconds:.1f}", f"{hourly * result.seconds / 3600:.5f}"]
        cells = [f"<td>{html.escape(word)}" for word in words] + [f'<td class="n">{score}' for score in scores]
        rows.append("<tr>" + "".join(cells))
    return "<table><tr>" + "".join(heads) + "\n" + "\n".join(rows) + "</table>"


def _word(value: str | float | None) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _parallel(finished: Sequence[TrialResult]) -> str:
    """Draw a line a point through what varies, to what points are compared by: Optuna's own plot, as SVG."""
    varied = [name for name in COMPARED if len({getattr(result.trial, name) for result in finished}) > 1]
    if not varied:
        return ""
    study = optuna.create_study(direction="maximize")
    distributions = {name: _distribution([getattr(result.trial, name) for result in finished]) for name in varied}
    for result in finished:
        params = {name: getattr(result.trial, name) for name in varied}
        study.add_trial(optuna.trial.create_trial(params=params, distributions=distributions, value=result.choice))
    with warnings.catch_warnings(action="ignore"):  # that the plot may change one day
        axes = optuna.visualization.matplotlib.plot_parallel_coordinate(
            study, params=varied, target=None, target_name="compared by"
        )
    svg = io.StringIO()
    figure = axes.get_figure(root=True)
    if figure is None:
        raise AssertionError("Optuna drew on no figure")
    figure.set_size_inches(10, 4.5)
    figure.savefig(svg, format="svg", bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
    return "<figure>" + svg.getvalue()[svg.getvalue().index("<svg") :] + "</figure>"


def _distribution(values: Sequence[Any]) -> BaseDistribution:
    whole = [value for value in values if isinstance(value, int)]
    if len(whole) == len(values):
        return IntDistribution(min(whole), max(whole))
    numbers = [value for value in values if isinstance(value, float)]
    if len(numbers) == len(values):
        return FloatDistribution(min(numbers), max(numbers))
    return CategoricalDistribution(tuple(dict.fromkeys(values)))
