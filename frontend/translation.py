"""Texts in the reader's language, by gettext; a laboratory adds its own by one file (docs/page.md)."""

import gettext
from collections.abc import Callable
from contextvars import ContextVar
from functools import cache
from pathlib import Path

LOCALES = Path(__file__).resolve().parent / "locales"
DOMAIN = "page"
LANGUAGES = ("en", *sorted(path.parents[1].name for path in LOCALES.glob(f"*/LC_MESSAGES/{DOMAIN}.mo")))
"""By code: English, and each that has a compiled catalogue."""
_chosen: ContextVar[str] = ContextVar("language", default="en")


NAMES = {"en": "English", "de": "Deutsch", "es": "Español", "fr": "Français", "it": "Italiano", "pt": "Português"}
"""As their speakers call them; any other goes by its code."""


def name_of(code: str) -> str:
    """Name a language."""
    return NAMES.get(code, code)


def choose(wanted: str | None) -> str:
    """Use a language from here on, in this run of the script or this request.

    Parameters
    ----------
    wanted : str or None
        A code such as ``de`` or ``de-CH``; English is used for one that is not there.

    Returns
    -------
    str
        The code that is used.
    """
    code = (wanted or "").split("-")[0].lower()
    _chosen.set(code if code in LANGUAGES else "en")
    return _chosen.get()


@cache
def _catalogue(code: str) -> gettext.NullTranslations:
    return gettext.translation(DOMAIN, LOCALES, [code], fallback=True)


def _(text: str) -> str:
    """Translate a text of the page; English stands for itself."""
    return _catalogue(_chosen.get()).gettext(text)


def mark(text: str) -> str:
    """Mark a text for the catalogue where it is written, and translate it by ``_`` where it is shown."""
    return text


def in_this_language(make: Callable[[], bytes]) -> Callable[[], bytes]:
    """Make something later in the language that is in use now: the request for a download knows none."""
    code = language()

    def making() -> bytes:
        choose(code)
        return make()

    return making


def language() -> str:
    """Give the code of the language in use."""
    return _chosen.get()
