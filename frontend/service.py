"""How a session reaches the API: with its reader's token, with the page's own, or with none."""

import streamlit as st

from api.schemas import ModelSummary
from client import ClientCredentials, LeukolensClient, RetryPolicy
from frontend import settings

MODEL_KEPT_S = 300
"""How long the model's card is kept: a new release shows on the page within this time."""
PATIENCE = RetryPolicy(attempts=2)
"""A person waits: two tries in all, then the page says so and offers the next by a click."""


def connect() -> LeukolensClient:
    """Give the client of the API for this session."""
    if not settings.current().signs_in:
        return _shared()
    token = str(st.user.tokens["access"])
    known = st.session_state.get("client")
    if known is None or known[0] != token:
        chosen = settings.current()
        client = LeukolensClient(chosen.api_url, token=token, timeout_s=chosen.api_timeout_s, retry=PATIENCE)
        st.session_state["client"] = known = (token, client)
    return known[1]


@st.cache_resource(show_spinner=False)
def _shared() -> LeukolensClient:
    chosen = settings.current()
    auth = None
    if chosen.api_token_url and chosen.api_client_id and chosen.api_client_secret:
        secret = chosen.api_client_secret.get_secret_value()
        auth = ClientCredentials(chosen.api_token_url, chosen.api_client_id, secret, scope=chosen.api_scope)
    return LeukolensClient(chosen.api_url, auth=auth, timeout_s=chosen.api_timeout_s, retry=PATIENCE)


@st.cache_data(ttl=MODEL_KEPT_S, show_spinner=False)
def card(name: str = "") -> ModelSummary:
    """Read a model's card; without a name, that of the service's own choice.

    Raises
    ------
    LeukolensError
        The API cannot be reached, or has no model; asked again at the next need.
    """
    return connect().model(name or None)
