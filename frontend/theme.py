"""The little styling that Streamlit's own theme does not offer."""

from pathlib import Path

import streamlit as st

STYLES = Path(__file__).resolve().parent / "assets" / "page.css"
INK = {"light": "#150f24", "dark": "#ece8f6"}
"""``textColor`` of ``.streamlit/config.toml``, for charts and pictures, which the theme does not reach."""


def name() -> str:
    """Give the theme of the reader's browser: ``light`` or ``dark``."""
    return "dark" if st.context.theme.type == "dark" else "light"


def ink() -> str:
    """Give the colour of text in the reader's theme."""
    return INK[name()]


def apply() -> None:
    """Style the page; called once in each run."""
    st.html(STYLES)
    # White on the primary colour and the primary colour on dark cannot both have enough contrast: text takes the ink.
    st.html(f'<style>[data-testid="stSliderThumbValue"] p {{ color: {ink()} }}</style>')
