"""The script that Streamlit runs for each session and each click: frame, navigation, notice."""

from pathlib import Path

import streamlit as st

from api.schemas import RESEARCH_USE_WARNING
from frontend import theme
from frontend.views import classify

ASSETS = Path(__file__).resolve().parent / "assets"

st.set_page_config(page_title="Leukolens", page_icon=str(ASSETS / "icon.svg"), layout="wide")
dark = st.context.theme.type == "dark"
st.logo(str(ASSETS / f"logo-{'dark' if dark else 'light'}.svg"), size="large")
theme.apply()

chosen = st.navigation(
    [st.Page(classify.render, title="Classify", icon=":material/biotech:", url_path="classify", default=True)],
    position="top",
)
with st.bottom:
    st.caption(f":material/science: {RESEARCH_USE_WARNING}")
chosen.run()
