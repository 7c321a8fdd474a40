"""Text of others (names of files, keys, labels, messages) where it is shown: one function for each kind of place.

Imports nothing but the standard library, and is copied into every image: the API, client, page, training and batch all
write names. JSON and Parquet hold them as they are; whatever a person opens gets them from here.
"""

import html
import unicodedata
from collections.abc import Callable
from itertools import takewhile
from typing import Final

JOINERS: Final = "\u200c\u200d"
"""Zero-width, and part of how Persian or Malayalam names are written; all other invisible signs are shown."""
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Controls, escapes and line breaks of a terminal; signs that turn text round; halves of a pair; line separators."""
_FORMULA_STARTS: Final = ("=", "+", "-", "@")
# https://spec.commonmark.org/0.31.2/#ascii-punctuation-character: each may be escaped by a backslash.
_PUNCTUATION: Final = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_BEGINNERS: Final = frozenset("\"%'+,-./;=?@")
"""Of these, those that mean something at the beginning alone, where they make a list, a rule or a heading."""
UNKNOWN_GLYPH: Final = "?"


def in_terminal(text: str) -> str:
    r"""Show a text on one line of a terminal or a log, with what would be done instead of shown as an escape.

    Where Rich prints it, hand it over as ``rich.text.Text``: in a plain string it reads markup.

    Parameters
    ----------
    text : str
        Anything, such as a file's name with bytes that are no text (PEP 383).

    Returns
    -------
    str
        The same for ordinary names.

    Examples
    --------
    >>> in_terminal("a\x1b[2J.png"), in_terminal("[old]patient.png")
    ('a\\x1b[2J.png', '[old]patient.png')
    """
    return "".join(_shown(character) for character in text)


def in_csv(text: str) -> str:
    """Write a text so that no spreadsheet takes it for a formula, and so that it stays in its row.

    Spreadsheets leave out blanks and read full-width signs as plain ones before they look for a formula. See OWASP, CSV
    injection: https://owasp.org/www-community/attacks/CSV_Injection

    Parameters
    ----------
    text : str
        Anything; numbers are written as numbers and need none of this.

    Returns
    -------
    str
        Led by an apostrophe where it would be read as a formula.

    Examples
    --------
    >>> in_csv("=cmd.png"), in_csv("field 1.png")
    ("'=cmd.png", 'field 1.png')
    """
    escaped = in_terminal(text)
    start = unicodedata.normalize("NFKC", text.strip(_blanks(text)))[:1]
    return f"'{escaped}" if start in _FORMULA_STARTS and start else escaped


def in_html(text: str) -> str:
    """Write a text as HTML, inside an element or a quoted attribute.

    Examples
    --------
    >>> in_html('<b>"')
    '&lt;b&gt;&quot;'
    """
    return html.escape(in_terminal(text), quote=True)


def in_markdown(text: str) -> str:
    r"""Write a text in a line or a table's cell of Markdown so that all of it is read as text.

    Punctuation is escaped, and so is what GitHub, MathJax and Streamlit add to it (``:red[...]``, ``$...$``).

    Examples
    --------
    >>> in_markdown("a|b_[x](y).png")
    'a\\|b\\_\\[x\\]\\(y\\).png'
    """
    escaped = in_terminal(text).strip(" ")  # four blanks ahead would be code, two behind a new line
    first = sum(1 for _ in takewhile(lambda character: character.isdecimal() or character in _BEGINNERS, escaped))
    return "".join(
        f"\\{character}"
        if character in _PUNCTUATION and (character not in _BEGINNERS or position <= first)
        else character
        for position, character in enumerate(escaped)
    )


def in_pdf(text: str, has_glyph: Callable[[str], bool]) -> str:
    """Write a text in a paragraph of ReportLab, which reads tags as HTML does.

    Parameters
    ----------
    text : str
        Anything.
    has_glyph : Callable[[str], bool]
        Whether the font has a shape for a character; without one it is shown as ``?``, for it would be left out.
    """
    drawable = "".join(character if has_glyph(character) else UNKNOWN_GLYPH for character in in_terminal(text))
    return html.escape(drawable, quote=True)


def _shown(character: str) -> str:
    if character in JOINERS or unicodedata.category(character) not in _INVISIBLE:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _blanks(text: str) -> str:
    """Give the blanks and invisible signs of a text, the quotes that a spreadsheet takes off among them."""
    blanks = {character for character in text if character.isspace() or unicodedata.category(character) in _INVISIBLE}
    return "".join(blanks) + "\"'"
