"""Sign-in of people by Streamlit's own OpenID Connect; nothing here where it is not configured."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from frontend import settings, visitors
from frontend.asgi import AsgiApp, Message, Receive, Scope, Send
from frontend.translation import _

STREAMLITS = "_streamlit_"
"""How the names of Streamlit's cookies begin: who is signed in, their tokens, a sign-in under way, XSRF."""
XSRF = "_streamlit_xsrf"
"""The one among them that its script must read."""


class SignInCookies:
    """ASGI middleware: makes Streamlit's cookies as safe as they can be.

    Streamlit sets no Secure, as it does not know of a proxy that speaks https, and keeps a sign-in for 30 days,
    although the API takes its token for an hour.

    Parameters
    ----------
    app : AsgiApp
        Streamlit.
    lasts_s : int
        How long a sign-in may last.
    """

    def __init__(self, app: AsgiApp, lasts_s: int) -> None:
        self._app = app
        self._lasts_s = lasts_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, with the sign-in's cookies made safer."""
        secure = visitors.is_https(scope)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    (name, self._safer(value, secure=secure)) if name.lower() == b"set-cookie" else (name, value)
                    for name, value in message["headers"]
                ]
            await send(message)

        await self._app(scope, receive, sending)

    def _safer(self, value: bytes, *, secure: bool) -> bytes:
        if not value.startswith(STREAMLITS.encode()):
            return value
        pair, *attributes = [part.strip() for part in value.decode("latin-1").split(";")]
        by_name = {
            name.lower(): f"{name}{equals}{text}" for name, equals, text in (a.partition("=") for a in attributes)
        }
        if secure:
            by_name["secure"] = "Secure"
        if pair.partition("=")[0] != XSRF:
            by_name["httponly"] = "HttpOnly"
            max_age = by_name.get("max-age", "").partition("=")[2]
            by_name["max-age"] = f"Max-Age={min(int(max_age), self._lasts_s) if max_age.isdecimal() else self._lasts_s}"
            by_name.pop("expires", None)  # what a browser goes by where it knows no Max-Age, and longer
        return "; ".join([pair, *by_name.values()]).encode("latin-1")


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
            # PKCE always: Streamlit asks for it only of a provider that says it knows it, and Cognito does not say.
            "client_kwargs": {"scope": chosen.oidc_scope, "code_challenge_method": "S256"},
            "expose_tokens": ["access"],
        }
    }


def required() -> bool:
    """Tell whether this session must sign in before it sees a view."""
    return settings.current().signs_in and not (st.user.is_logged_in and "access" in st.user.tokens)


def ask() -> None:
    """Show the sign-in button."""
    st.title("Leukolens", anchor=False)
    st.markdown(_("Sign in with your laboratory's account to classify smear fields."))
    st.button(_("Sign in"), on_click=st.login, type="primary", icon=":material/login:")


def offer_sign_out(leave: Callable[[], None]) -> None:
    """Show who is signed in, and the sign-out button.

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
        st.caption(_("Signed in as {name}").format(name=reviewer() or _("an unnamed account")))
        st.button(_("Sign out"), on_click=out, type="tertiary", icon=":material/logout:")


def reviewer() -> str:
    """Name the person who is signed in, if any."""
    if not settings.current().signs_in:
        return ""
    return str(st.user.get("email") or st.user.get("name") or "")
