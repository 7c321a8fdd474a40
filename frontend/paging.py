"""A page at a time of what is too long for one."""

from collections.abc import Sequence
from typing import TypeVar

import streamlit as st

Item = TypeVar("Item")


def choose(items: Sequence[Item], a_page: int, key: str) -> Sequence[Item]:
    """Let the reader turn pages, where there is more than one.

    Parameters
    ----------
    items : Sequence[Item]
        At least one.
    a_page : int
        How many are shown at a time.
    key : str
        Of the widget, one a view.

    Returns
    -------
    Sequence[Item]
        Those of the chosen page.
    """
    pages = -(-len(items) // a_page)
    page = st.pagination(pages, key=key) if pages > 1 else 1
    return items[(page - 1) * a_page : page * a_page]
