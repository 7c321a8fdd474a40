"""What a run of the script knows of its reader: their desk, and how the API is asked for it."""

import secrets
from functools import cache

import streamlit as st

from frontend import gate, service, settings, sign_in, visitors
from frontend.workspace import Workspace
from frontend.workspaces import Desk, Workspaces

BYTES_A_MB = 1_000_000


@cache
def workspaces() -> Workspaces:
    """Give the workspaces of this process."""
    chosen = settings.current()
    all_workspaces = Workspaces(chosen.page_keep_minutes * 60, chosen.page_total_mb * BYTES_A_MB)
    all_workspaces.sweep_for_ever()
    return all_workspaces


def desk() -> Desk:
    """Give the reader's desk, connected to the API with the rights that they have now."""
    limit_bytes = settings.current().page_session_mb * BYTES_A_MB
    readers_desk = workspaces().enter(_token(), sign_in.reviewer(), limit_bytes)
    readers_desk.origins.update(filter(None, [gate.origin()]))
    st.session_state["desk"] = readers_desk
    chosen = settings.current()
    readers_desk.batch.connect(service.connect(), chosen.page_workers, signed_in=chosen.signs_in)
    if not readers_desk.workspace.reviewer:
        readers_desk.workspace.reviewer = sign_in.reviewer()
    return readers_desk


def workspace() -> Workspace:
    """Give the reader's fields."""
    return desk().workspace


def leave() -> None:
    """Forget the reader's fields: whoever signs in next on this browser shall not see them."""
    workspaces().leave(_token())


def _token() -> str:
    """Give the browser's cookie; a browser without cookies has a session for as long as its connection holds."""
    for name in (visitors.SECURE_COOKIE, visitors.COOKIE):
        token = st.context.cookies.get(name)
        if isinstance(token, str) and visitors.TOKEN.fullmatch(token):
            return token
    return str(st.session_state.setdefault("token", secrets.token_urlsafe(32)))
