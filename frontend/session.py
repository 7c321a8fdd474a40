"""What one browser session holds. It lives in that session alone and ends with it."""

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from frontend import settings, uploads
from frontend.workspace import Workspace

BYTES_A_MB = 1_000_000


def enter(view: StreamlitPage) -> None:
    """Note the view that is about to be shown, and the one before it."""
    before = st.session_state.get("view")
    st.session_state["view_before"] = before
    st.session_state["view"] = view


def chosen_meanwhile() -> StreamlitPage | None:
    """Give the view that a reader went to while their files were on the way to this one, which now brings them.

    The browser tells of files in the name of the view that they were added in, even if its reader has left that view
    a moment ago. Files that come to a view which was not the last one shown are such.
    """
    before: StreamlitPage | None = st.session_state.get("view_before")
    here: StreamlitPage | None = st.session_state.get("view")
    return before if before is not None and here is not None and before.url_path != here.url_path else None


def workspace() -> Workspace:
    """Give the fields of this session."""
    limit_bytes = settings.current().page_session_mb * BYTES_A_MB
    held: Workspace = st.session_state.setdefault("workspace", Workspace(limit_bytes))
    uploads.make_way_in(held)
    return held
