"""The script that Streamlit runs for each session and each click: frame, navigation, notice."""

from pathlib import Path

import streamlit as st

from api.schemas import RESEARCH_USE_WARNING
from frontend import gate, session, sign_in, theme, translation
from frontend.translation import _
from frontend.views import classify, model, report, review
from frontend.workplace import component

ASSETS = Path(__file__).resolve().parent / "assets"

language = translation.choose(st.session_state.get("language") or st.context.locale)
st.set_page_config(page_title="Leukolens", page_icon=str(ASSETS / "icon.svg"), layout="wide")
st.logo(str(ASSETS / f"logo-{theme.name()}.svg"), size="large")
theme.apply()
with st.bottom, st.container(horizontal=True, vertical_alignment="center", key="notice"):
    st.markdown(f":material/science: {_(RESEARCH_USE_WARNING)}")
    if len(translation.LANGUAGES) > 1:
        codes = list(translation.LANGUAGES)
        st.selectbox(
            _("Language"),
            codes,
            codes.index(language),
            key="language",
            format_func=translation.name_of,
            label_visibility="collapsed",
            width=130,
        )

gate.claim(admitted=not sign_in.required())
if sign_in.required():
    st.navigation([st.Page(sign_in.ask, title=_("Sign in"))], position="hidden").run()
else:
    views = [
        st.Page(classify.render, title=_("Classify"), icon=":material/biotech:", url_path="classify", default=True),
        st.Page(report.render, title=_("Specimen report"), icon=":material/lab_profile:", url_path="report"),
        st.Page(review.render, title=_("Review"), icon=":material/rate_review:", url_path="review"),
        st.Page(model.render, title=_("Model"), icon=":material/network_node:", url_path="model"),
    ]
    chosen = st.navigation(views, position="top")
    st.set_page_config(page_title=f"{chosen.title} - Leukolens")
    with st.container(horizontal=True, gap="small", key="views"):  # on a narrow screen alone: see page.css
        for view in views:
            st.page_link(view)
    sign_in.offer_sign_out(session.leave)
    session.desk()
    st.title(chosen.title, anchor=False)
    component.show(chosen.url_path)
    chosen.run()
