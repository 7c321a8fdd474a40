"""Charts of an evaluation. Every one has its words in ``wording``."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from frontend.charts import QUIET, STRONG, layered, without_frame
from frontend.evaluation.evidence import Estimate, Evidence, Protocol
from frontend.evaluation.wording import disturbance, share, shortcut
from frontend.translation import _, mark

ROW_PX = 34
SQUARE_PX = 260
CURVE_POINTS = 200
"""Of a curve: more are closer together than a screen's pixels."""
MODEL = mark("This model")


def beside_shortcuts(evidence: Evidence, protocol: str, ink: str) -> alt.LayerChart:
    """Draw a protocol's score, with its interval and below it its folds, over what shortcuts score on the same folds.

    Parameters
    ----------
    evidence : Evidence
        Of one model.
    protocol : str
        A key of its ``protocols``, with a score.
    ink : str
        Colour of text, of the theme.

    Returns
    -------
    alt.LayerChart
        Horizontal bars, the model first.
    """
    measured = evidence.protocols[protocol]
    shortcuts = sorted(
        ((shortcut(name), by[protocol]) for name, by in evidence.shortcuts.items() if protocol in by),
        key=lambda pair: -pair[1],
    )
    rows = [_row(_(MODEL), measured.score, STRONG)] if measured.score else []
    rows += [_row(name, Estimate(value=score), QUIET) for name, score in shortcuts]
    chart = _bars(rows, ink)
    folds = pd.DataFrame(
        [
            {
                "name": _(MODEL),
                "value": fold.balanced_accuracy,
                "fold": fold.name,
                "text": share(fold.balanced_accuracy),
            }
            for fold in measured.folds
        ]
    )
    if folds.empty:
        return chart
    dots = (
        alt.Chart(folds)
        .mark_point(size=34, filled=True, color=ink, opacity=0.8, yOffset=13)
        .encode(
            x="value:Q",
            y=alt.Y("name:N", sort=[row["name"] for row in rows]),
            tooltip=[alt.Tooltip("fold:N", title=_("Fold")), alt.Tooltip("text:N", title=_("Balanced accuracy"))],
        )
    )
    return without_frame(layered(chart, dots))


def robustness(evidence: Evidence, ink: str) -> alt.LayerChart:
    """Draw balanced accuracy by disturbance, with intervals; undisturbed stands out."""
    rows = [
        _row(disturbance(name), estimate, STRONG if name == "none" else QUIET)
        for name, estimate in evidence.robustness.items()
    ]
    return without_frame(_bars(rows, ink))


def confusion(protocol: Protocol, labels: Sequence[str], ink: str) -> alt.LayerChart:
    """Draw counts by true and predicted label; the darker a square, the larger its share of the true label's fields."""
    cells = pd.DataFrame(
        [
            {"true": true, "told": predicted, "count": count, "share": count / max(1, sum(row))}
            for true, row in zip(labels, protocol.confusion, strict=True)
            for predicted, count in zip(labels, row, strict=True)
        ]
    )
    order = list(labels)
    base = alt.Chart(cells).encode(
        x=alt.X("told:N", sort=order, title=_("The model says"), axis=_axis(ink, labelAngle=0, orient="top")),
        y=alt.Y("true:N", sort=order, title=_("The field shows"), axis=_axis(ink)),
    )
    squares = base.mark_rect(cornerRadius=3, color=STRONG).encode(
        opacity=alt.Opacity("share:Q", scale=alt.Scale(domain=[0, 1], range=[0.06, 0.55]), legend=None)
    )
    numbers = base.mark_text(fontSize=14, color=ink).encode(text=alt.Text("count:Q", format=","))
    return without_frame(layered(squares, numbers).properties(height=SQUARE_PX))


def reliability(protocol: Protocol, ink: str) -> alt.LayerChart:
    """Draw how often the model was right beside how sure it was, a dot a bin; on the dashed line it keeps its word."""
    bins = pd.DataFrame(protocol.reliability, columns=["said", "right", "count"])
    line = alt.Chart(pd.DataFrame({"said": [0, 1], "right": [0, 1]})).mark_line(strokeDash=[4, 3], color=QUIET)
    x = alt.X(
        "said:Q", title=_("Probability that the model gave"), scale=_unit(), axis=_axis(ink, format="%", grid=True)
    )
    y = alt.Y("right:Q", title=_("Share that was right"), scale=_unit(), axis=_axis(ink, format="%", grid=True))
    dots = (
        alt.Chart(bins)
        .mark_circle(color=STRONG, opacity=0.85)
        .encode(
            x=x,
            y=y,
            size=alt.Size("count:Q", scale=alt.Scale(range=[40, 500]), legend=None),
            tooltip=[
                alt.Tooltip("said:Q", title=_("Said"), format=".1%"),
                alt.Tooltip("right:Q", title=_("Right"), format=".1%"),
                alt.Tooltip("count:Q", title=_("Fields")),
            ],
        )
    )
    return without_frame(layered(line.encode(x=x, y=y), dots).properties(height=SQUARE_PX))


def risk_coverage(protocol: Protocol, ink: str) -> alt.Chart:
    """Draw the error among answered fields by the share that is answered, most confident first."""
    step = max(1, len(protocol.risk_coverage) // CURVE_POINTS)
    points = [*protocol.risk_coverage[:-1:step], protocol.risk_coverage[-1]]
    rows = pd.DataFrame(points, columns=["answered", "wrong"])
    # A curve along zero is seen only where the scale goes on below some percent.
    top = max(0.05, float(rows["wrong"].max()) * 1.1)
    curve: alt.Chart = (
        alt.Chart(rows)
        .mark_line(color=STRONG, strokeWidth=2.5)
        .encode(
            x=alt.X("answered:Q", title=_("Share answered"), scale=_unit(), axis=_axis(ink, format="%", grid=True)),
            y=alt.Y(
                "wrong:Q",
                title=_("Share wrong among them"),
                scale=alt.Scale(domain=[0, top]),
                axis=_axis(ink, format=".0%" if top > 0.1 else ".1%", grid=True),
            ),
            tooltip=[
                alt.Tooltip("answered:Q", title=_("Answered"), format=".0%"),
                alt.Tooltip("wrong:Q", title=_("Wrong"), format=".1%"),
            ],
        )
        .properties(height=SQUARE_PX)
    )
    return without_frame(curve)


def _row(name: str, estimate: Estimate, colour: str) -> dict[str, Any]:
    return {
        "name": name,
        "value": estimate.value,
        "low": estimate.value if estimate.low is None else estimate.low,
        "high": estimate.value if estimate.high is None else estimate.high,
        "text": share(estimate.value),
        "colour": colour,
        "end": 1.0,
    }


def _bars(rows: list[dict[str, Any]], ink: str) -> alt.LayerChart:
    """Draw shares as bars from 0 to 1, each with its interval and, to the right, its number."""
    scale = alt.Scale(domain=[0, 1.24])
    base = alt.Chart(pd.DataFrame(rows)).encode(
        y=alt.Y("name:N", sort=[row["name"] for row in rows], title=None, axis=_axis(ink, labelLimit=190))
    )
    axis = _axis(ink, format="%", grid=True, values=[0, 0.25, 0.5, 0.75, 1])
    bars = base.mark_bar(size=16, cornerRadius=4, opacity=0.6).encode(
        x=alt.X("value:Q", scale=scale, title=None, axis=axis),
        color=alt.Color("colour:N", scale=None),
        tooltip=[alt.Tooltip("name:N", title=_("What")), alt.Tooltip("text:N", title=_("Balanced accuracy"))],
    )
    spans = base.mark_rule(strokeWidth=2.5, color=ink).encode(x=alt.X("low:Q", scale=scale), x2="high:Q")
    numbers = base.mark_text(align="left", dx=8, fontSize=13, color=ink).encode(
        x=alt.X("end:Q", scale=scale), text="text:N"
    )
    return layered(bars, spans, numbers).properties(height=ROW_PX * len(rows) + 26)


def _axis(ink: str, **more: Any) -> alt.Axis:
    settings: dict[str, Any] = {
        "grid": False,
        "domain": False,
        "ticks": False,
        "labelFontSize": 13,
        "labelFlush": False,
    }
    return alt.Axis(**(settings | {"labelColor": ink, "titleColor": ink, "titleFontWeight": "normal"} | more))


def _unit() -> alt.Scale:
    return alt.Scale(domain=[0, 1])
