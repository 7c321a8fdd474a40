"""Puts the workplace into the page, as a Streamlit component."""

from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest

from api.schemas import MICRONS_PER_PIXEL
from frontend import samples, theme
from frontend.translation import language
from frontend.workplace import assets
from frontend.workplace.words import words
from intake import SUFFIXES

PACKAGE, COMPONENT = "leukolens", "workplace"
FOLDER = Path(__file__).resolve().parent


def accepted() -> str:
    """List what the browser offers to choose, as its ``accept``: every type that is read, and archives."""
    return ",".join(["image/*", *sorted(SUFFIXES), ".zip"])


def show(view: str) -> Any:
    """Show the workplace, or in other views than ``classify`` its ledger.

    Parameters
    ----------
    view : str
        Address of the view; empty for the first one.

    Returns
    -------
    Any
        Streamlit's result; in other views than the first, the script runs again when the counts change.
    """
    # A file of our own, because the page's policy lets no inline script run.
    manager = get_bidi_component_manager()
    name = f"{PACKAGE}.{COMPONENT}"
    if manager.get_component_asset_root(name) is None:
        manifest = ComponentManifest(PACKAGE, "1", [ComponentConfig(COMPONENT, "loader")])
        manager.register_from_manifest(manifest, FOLDER)
    mount = st.components.v2.component(name, js="loader.js", isolate_styles=False)
    return mount(
        key="workplace",
        data={
            "view": view or "classify",
            "base": assets.BASE,
            "theme": theme.name(),
            "language": language(),
            "samples": bool(samples.synthetic()),
            "accept": accepted(),
            "pixel": MICRONS_PER_PIXEL,
            "words": words(),
        },
        on_changed_change=lambda: None,
        on_sign_in_change=st.login,
    )
