"""Charts of the page."""

from typing import TypeVar

import altair as alt
import pandas as pd

from api.schemas import Share

BAR_HEIGHT_PX = 30
STRONG, QUIET = "#7c55cf", "#948ca6"
"""Both are seen on light and on dark; the numbers carry the meaning."""
ChartT = TypeVar("ChartT", alt.Chart, alt.LayerChart)


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
    parts = (
        f"{label} {estimate.share:.0%}, {estimate.low:.0%} to {estimate.high:.0%}"
        for label, estimate in by_label.items()
    )
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
