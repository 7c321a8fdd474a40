"""The script that Streamlit runs for each session and each click: frame, navigation, notice."""

from pathlib import Path

import streamlit as st

from api.schemas import RESEARCH_USE_WARNING
from frontend import gate, session, sign_in, theme
from frontend.views import classify, model, report, review

ASSETS = Path(__file__).resolve().parent / "assets"

st.set_page_config(page_title="Leukolens", page_icon=str(ASSETS / "icon.svg"), layout="wide")
st.logo(str(ASSETS / f"logo-{theme.name()}.svg"), size="large")
theme.apply()
with st.bottom:
    st.markdown(f":material/science: {RESEARCH_USE_WARNING}")

gate.claim(admitted=not sign_in.required())
if sign_in.required():
    st.navigation([st.Page(sign_in.ask, title="Sign in")], position="hidden").run()
else:
    views = [
        st.Page(classify.render, title="Classify", icon=":material/biotech:", url_path="classify", default=True),
        st.Page(report.render, title="Specimen report", icon=":material/lab_profile:", url_path="report"),
        st.Page(review.render, title="Review", icon=":material/rate_review:", url_path="review"),
        st.Page(model.render, title="Model", icon=":material/network_node:", url_path="model"),
    ]
    chosen = st.navigation(views, position="top")
    with st.container(horizontal=True, gap="small", key="views"):  # on a narrow screen alone: see page.css
        for view in views:
            st.page_link(view)
    sign_in.offer_sign_out()
    session.enter(chosen)
    chosen.run()
