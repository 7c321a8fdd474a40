"""What one browser session holds. It lives in that session alone and ends with it."""

import streamlit as st

from frontend import settings, uploads
from frontend.fields import Workspace

BYTES_A_MB = 1_000_000


def workspace() -> Workspace:
    """Give the fields of this session."""
    limit_bytes = settings.current().page_session_mb * BYTES_A_MB
    held: Workspace = st.session_state.setdefault("workspace", Workspace(limit_bytes))
    uploads.make_way_in(held)
    return held
