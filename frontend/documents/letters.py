"""Writes a text in the PDF's fonts: every run of letters in a font that has them.

Letters of scripts that run from right to left are joined, and put in the order in which they are seen.
"""

import unicodedata
from collections.abc import Sequence
from functools import cache
from itertools import groupby
from pathlib import Path

import fontpkg_rubik
import reportlab
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont, shapeStr

from frontend.documents.visual_order import runs_from_right, visual_order
from frontend.translation import _
from untrusted import JOINERS, in_pdf, in_terminal

FONT, BOLD = "Vera", "VeraBd"
"""Comes with reportlab and is embedded, so that the report looks and prints the same everywhere."""
WIDE = "Rubik"
"""Cyrillic, Hebrew and Arabic, each letter with its dots in one glyph: what is joined needs no marks put in place."""
EASTERN = "STSong-Light"
"""Adobe's own for Chinese, Japanese and Korean, which readers of PDF bring."""
SHAPED_PT = 10.0
"""Any size: only the glyphs are taken, and they are the same in all."""


@cache
def register() -> None:
    """Make the fonts known to reportlab; once a process."""
    folder = Path(reportlab.__file__).parent / "fonts"
    for name in (FONT, BOLD):
        pdfmetrics.registerFont(TTFont(name, folder / f"{name}.ttf"))
    pdfmetrics.registerFont(TTFont(WIDE, fontpkg_rubik.ROOT / "files" / "Rubik[wght].ttf"))
    pdfmetrics.registerFont(UnicodeCIDFont(EASTERN))
    for name in (WIDE, EASTERN):
        pdfmetrics.registerFontFamily(name, normal=name, bold=name, italic=name, boldItalic=name)
    pdfmetrics.registerFontFamily(FONT, normal=FONT, bold=BOLD, italic=FONT, boldItalic=BOLD)


def markup(text: str, size_pt: float, width_pt: float) -> str:
    """Write a text for a paragraph of reportlab.

    Parameters
    ----------
    text : str
        Of a reader, a file or this page, in the order in which it is read.
    size_pt : float
        Of the paragraph's letters.
    width_pt : float
        Of its lines: what runs from right to left is broken here, for it must be put in order line by line.

    Returns
    -------
    str
        Markup. For letters of any other script it says that they are missing, and never shows a stranger in their
        place: the CSV has the name as it is.
    """
    register()
    text = in_terminal(text)  # among others, signs that would turn the order of letters round
    if not any(map(runs_from_right, text)):
        return _in_fonts([(letter, False) for letter in text])
    return "<br/>".join(_in_fonts(visual_order(line)) for line in _lines(text, size_pt, width_pt))


def _lines(text: str, size_pt: float, width_pt: float) -> list[str]:
    """Break a text at its blanks, and a word that is too long at any letter."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if _width(longer, size_pt) <= width_pt:
            lines[-1] = longer
            continue
        lines += [""] if lines[-1] else []
        for char in word:
            if _width(lines[-1] + char, size_pt) > width_pt:
                lines.append("")
            lines[-1] += char
    return lines


def _width(text: str, size_pt: float) -> float:
    runs = groupby(text, _font_of)
    return sum(float(pdfmetrics.stringWidth("".join(run), font or FONT, size_pt)) for font, run in runs)


def _in_fonts(line: Sequence[tuple[str, bool]]) -> str:
    """Write a line whose letters are in the order in which they are seen, each with whether it runs from the right."""
    parts = []
    for (font, turned), letters in groupby(line, lambda pair: (_font_of(pair[0]), pair[1])):
        run = "".join(letter for letter, _turned in letters)
        if font == WIDE and turned:
            run = str(shapeStr(run[::-1], WIDE, SHAPED_PT, force=True))
        written = in_pdf(run, lambda _letter: True) if font else _("[letters of another script: see the CSV]")
        parts.append(f'<font name="{font}">{written}</font>' if font in (WIDE, EASTERN) else written)
    return "".join(parts)


def _font_of(char: str) -> str:
    """Give the first font that has a letter; empty where none has."""
    for font in (FONT, WIDE):
        if ord(char) in pdfmetrics.getFont(font).face.charToGlyph:
            return font
    if char in JOINERS:
        return WIDE
    return EASTERN if unicodedata.east_asian_width(char) in "WF" else ""
