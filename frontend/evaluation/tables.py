"""Figures of any shape as tables: what an older card holds, and what this page has no picture for."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from frontend.evaluation.wording import words
from frontend.translation import _


def figures(figures: Mapping[str, Any]) -> None:
    """Show single figures in one table, and each part with a heading of its own.

    Parameters
    ----------
    figures : Mapping[str, Any]
        Any part of the card.
    """
    single = {name: value for name, value in figures.items() if not isinstance(value, dict | list)}
    if single:
        st.table(
            {_("Figure"): [words(name) for name in single], _("Value"): [number(value) for value in single.values()]}
        )
    for name, value in figures.items():
        if isinstance(value, dict | list) and value:
            st.markdown(f"**{words(name)}**")
            st.table(_rows(value))


def number(value: Any) -> str:
    """Write a figure of the card, whatever it is."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(number(part) for part in value)
    if isinstance(value, dict):
        return ", ".join(f"{words(str(name))} {number(part)}" for name, part in value.items())
    return _("not measured") if value is None else str(value)


def _rows(part: dict[str, Any] | list[Any]) -> list[dict[str, str]]:
    """Give a row a figure; where the figures are alike and have parts, a column a part."""
    rows: list[dict[str, Any]]
    if isinstance(part, list):
        rows = [row if isinstance(row, dict) else {_("Value"): row} for row in part]
    elif all(isinstance(value, dict) for value in part.values()):
        rows = [{"": words(str(name)), **value} for name, value in part.items()]
    else:
        rows = [{_("Figure"): words(str(name)), _("Value"): value} for name, value in part.items()]
    return [{words(str(name)): number(value) for name, value in row.items()} for row in rows]
