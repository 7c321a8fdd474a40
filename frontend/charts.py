"""Charts of the page."""

from typing import TypeVar

import altair as alt
import pandas as pd

from api.schemas import Share
from frontend.wording import percent

BAR_HEIGHT_PX = 30
STRONG, QUIET = "#7c55cf", "#948ca6"
"""Both are seen on light and on dark; the numbers carry the meaning."""
ChartT = TypeVar("ChartT", alt.Chart, alt.LayerChart)


def probability_bars(
    probabilities: dict[str, float], chosen: str | None, threshold: float | None, ink: str
) -> alt.LayerChart:
    """Draw calibrated probabilities as bars, each with its number.

    Parameters
    ----------
    probabilities : dict[str, float]
        Label to probability, in the model's order.
    chosen : str or None
        The label that the model decided for, drawn strong; None where it did not decide.
    threshold : float or None
        Probability that a label must reach to be in the prediction set, drawn as a line.
    ink : str
        Colour of text, of the theme.

    Returns
    -------
    alt.LayerChart
        A chart of the container's width.
    """
    rows = pd.DataFrame(
        {
            "label": list(probabilities),
            "probability": list(probabilities.values()),
            "text": [percent(value) for value in probabilities.values()],
            "certain": 1.0,
            "colour": [STRONG if label == chosen else QUIET for label in probabilities],
        }
    )
    # The scale leaves room for a number beside a full bar.
    x = alt.X("probability:Q", scale=alt.Scale(domain=[0, 1.45]), axis=None)
    end = alt.X("certain:Q", scale=alt.Scale(domain=[0, 1.45]), axis=None)
    y = _labels(list(probabilities), ink)
    base = alt.Chart(rows).encode(y=y)
    track = base.mark_bar(size=14, cornerRadius=7, color=QUIET, opacity=0.18).encode(x=end)
    bars = base.mark_bar(size=14, cornerRadius=7).encode(
        x=x,
        color=alt.Color("colour:N", scale=None),
        tooltip=[alt.Tooltip("label:N", title="Label"), alt.Tooltip("text:N", title="Probability")],
    )
    numbers = base.mark_text(align="left", dx=8, fontSize=14, color=ink).encode(x=end, text="text:N")
    layers = [track, bars, numbers]
    if threshold is not None:
        layers.append(
            alt.Chart(pd.DataFrame({"probability": [threshold]}))
            .mark_rule(strokeDash=[4, 3], color=QUIET, strokeWidth=1.5)
            .encode(x=x)
        )
    height = BAR_HEIGHT_PX * len(rows)
    return without_frame(layered(*layers).properties(height=height))


def in_words(probabilities: dict[str, float]) -> str:
    """Say in words what the bars show, for a reader who does not see them."""
    ordered = sorted(probabilities.items(), key=lambda item: -item[1])
    return "Probabilities: " + ", ".join(f"{label} {percent(value)}" for label, value in ordered) + "."


def shares(by_label: dict[str, Share], ink: str) -> alt.LayerChart:
    """Draw shares with their intervals.

    Parameters
    ----------
    by_label : dict[str, Share]
        In the order in which they are drawn.
    ink : str
        Colour of text, of the theme.

    Returns
    -------
    alt.LayerChart
        A chart of the container's width.
    """
    rows = pd.DataFrame([{"label": label, **share.model_dump()} for label, share in by_label.items()])
    axis = alt.Axis(format="%", grid=True, title=None, tickCount=5, labelColor=ink)
    y = _labels(list(by_label), ink)
    base = alt.Chart(rows).encode(
        y=y,
        tooltip=[
            alt.Tooltip("label:N", title="Pattern"),
            alt.Tooltip("count:Q", title="Fields"),
            alt.Tooltip("share:Q", title="Share", format=".0%"),
            alt.Tooltip("low:Q", title="From", format=".0%"),
            alt.Tooltip("high:Q", title="To", format=".0%"),
        ],
    )
    x = alt.X("share:Q", scale=alt.Scale(domain=[0, 1]), axis=axis)
    bars = base.mark_bar(size=16, cornerRadius=4, color=STRONG, opacity=0.75).encode(x=x)
    spans = base.mark_rule(strokeWidth=2.5, color=ink).encode(x=alt.X("low:Q"), x2="high:Q")
    return without_frame(layered(bars, spans).properties(height=BAR_HEIGHT_PX * len(rows) + 30))


def shares_in_words(by_label: dict[str, Share]) -> str:
    """Say in words what the bars show."""
    parts = (f"{label} {one.share:.0%}, {one.low:.0%} to {one.high:.0%}" for label, one in by_label.items())
    return f"Shares with 95 % intervals: {'; '.join(parts)}."


def layered(*charts: alt.Chart | alt.LayerChart) -> alt.LayerChart:
    """Lay charts over one another, the first at the bottom."""
    return alt.LayerChart(layer=list(charts))


def without_frame(chart: ChartT) -> ChartT:
    """Draw no frame around a chart."""
    frameless: ChartT = chart.configure_view(strokeWidth=0)
    return frameless


def _labels(order: list[str], ink: str) -> alt.Y:
    axis = alt.Axis(domain=False, ticks=False, labelFontSize=14, labelColor=ink)
    return alt.Y("label:N", sort=order, title=None, axis=axis)
