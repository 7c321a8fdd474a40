"""The API as this process reaches it: one client, shared by all sessions of the same rights."""

import streamlit as st

from api.schemas import ModelSummary
from client import LeukolensClient, LeukolensError, RetryPolicy
from frontend import settings

MODEL_KEPT_S = 300
"""How long the model's card is kept: a new release shows on the page within this time."""


@st.cache_resource(show_spinner=False)
def connect() -> LeukolensClient:
    """Give the client of the API that the settings name."""
    chosen = settings.current()
    # A person waits: two tries in all, then the page says so and offers the next by a click.
    return LeukolensClient(chosen.api_url, timeout_s=chosen.api_timeout_s, retry=RetryPolicy(attempts=2))


@st.cache_data(ttl=MODEL_KEPT_S, show_spinner=False)
def _card() -> ModelSummary:
    return connect().model()


def model() -> ModelSummary | None:
    """Give the model's card, or None while the API cannot be reached: a page without it still works."""
    try:
        return _card()
    except LeukolensError:
        return None


def forget_model() -> None:
    """Read the card again at the next need."""
    _card.clear()
