"""What a view says where the API gave it no answer, and what it offers: each failure has its own way out."""

import streamlit as st

from client import LeukolensError, NotAllowedError
from frontend import settings
from frontend.classification import NOT_ALLOWED, SILENT
from frontend.translation import _
from frontend.wording import TRY_LATER


def show(error: LeukolensError, what: str, kept: str = "", *, again: bool = False) -> None:
    """Show what failed and why.

    Parameters
    ----------
    error : LeukolensError
        Of the API's client. Its own words name addresses, and are for the log.
    what : str
        What there is not now, as a sentence in the reader's language.
    kept : str
        What was not lost, likewise.
    again : bool
        Whether to offer the view once more.
    """
    if isinstance(error, NotAllowedError):
        if error.expired and settings.current().signs_in:
            _sign_in(what)
            return
        st.error(f"**{what}** {_(NOT_ALLOWED)}", icon=":material/lock:")
        return
    st.error(f"**{what}** {_(SILENT)}", icon=":material/cloud_off:")
    st.markdown(" ".join(filter(None, [kept, _(TRY_LATER)])))
    if again:
        st.button(_("Try again"), type="primary", icon=":material/refresh:")


def _sign_in(what: str) -> None:
    st.error(f"**{what}** {_('Your sign-in has expired.')}", icon=":material/lock_clock:")
    st.markdown(_("Your fields, labels and notes stay here while you sign in again."))
    st.button(_("Sign in again"), on_click=st.login, type="primary", icon=":material/login:")
