"""Sign-in of people by Streamlit's own OpenID Connect; nothing here where it is not configured."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from frontend import settings


def secrets(chosen: settings.Settings) -> dict[str, Any] | None:
    """Give Streamlit its ``[auth]`` secrets.

    Parameters
    ----------
    chosen : settings.Settings
        The page's settings.

    Returns
    -------
    dict[str, Any] or None
        Secrets for ``st.App``; None where nobody signs in.
    """
    if chosen.oidc_client_secret is None or chosen.oidc_cookie_secret is None:
        return None
    return {
        "auth": {
            "redirect_uri": chosen.oidc_redirect_uri or "",
            "cookie_secret": chosen.oidc_cookie_secret.get_secret_value(),
            "client_id": chosen.oidc_client_id or "",
            "client_secret": chosen.oidc_client_secret.get_secret_value(),
            "server_metadata_url": chosen.oidc_metadata_url or "",
            "client_kwargs": {"scope": chosen.oidc_scope},
            "expose_tokens": ["access"],
        }
    }


def required() -> bool:
    """Tell whether this session must sign in before it sees a view."""
    return settings.current().signs_in and not (st.user.is_logged_in and "access" in st.user.tokens)


def ask() -> None:
    """Show the way in."""
    st.title("Leukolens", anchor=False)
    st.markdown("Sign in with your laboratory's account to classify smear fields.")
    st.button("Sign in", on_click=st.login, type="primary", icon=":material/login:")


def offer_sign_out(leave: Callable[[], None]) -> None:
    """Show who is signed in, and the way out.

    Parameters
    ----------
    leave : Callable[[], None]
        Forgets what the reader has here.
    """

    def out() -> None:
        leave()
        st.logout()

    if not settings.current().signs_in:
        return
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center", key="account"):
        st.caption(f"Signed in as {reviewer() or 'an unnamed account'}")
        st.button("Sign out", on_click=out, type="tertiary", icon=":material/logout:")


def offer_again() -> None:
    """Offer to sign in once more: a token that has expired is refused by the API."""
    if settings.current().signs_in:
        st.caption("If your sign-in has expired, sign in again. That begins a new session: add the images once more.")
        st.button("Sign in again", on_click=st.login, icon=":material/login:")


def reviewer() -> str:
    """Name the person who is signed in, if any."""
    if not settings.current().signs_in:
        return ""
    return str(st.user.get("email") or st.user.get("name") or "")
