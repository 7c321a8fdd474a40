import html
import re
import unicodedata

import fontpkg_rubik
import pytest
from fontTools.ttLib import TTFont as GlyphNames
from reportlab.pdfbase import pdfmetrics

from frontend.documents import letters

SIZE_PT, WIDTH_PT = 9.0, 400.0
NAMES = GlyphNames(fontpkg_rubik.ROOT / "files" / "Rubik[wght].ttf").getGlyphOrder()


def lines_of(text: str, width_pt: float = WIDTH_PT) -> list[str]:
    """Give the letters of each line from left to right, as a reader sees them."""
    written = letters.markup(text, SIZE_PT, width_pt)
    return [html.unescape(re.sub("<[^>]*>", "", line)) for line in written.split("<br/>")]


def glyphs_of(text: str) -> list[str]:
    """Name the glyphs from left to right; a letter that Rubik does not have stands for itself."""
    (line,) = lines_of(text)
    known = pdfmetrics.getFont(letters.WIDE).face.charToGlyph
    return [NAMES[known[ord(one)]] if ord(one) in known and not one.isascii() else one for one in line]


def test_arabic_letters_are_joined_and_run_from_right_to_left():
    """From left to right: dad at its end, yeh at a beginning (reh joins nothing behind it), reh at its end, meem."""
    seen = [int(name.removeprefix("uni"), 16) for name in glyphs_of("مريض")]
    forms = ("DAD FINAL", "YEH INITIAL", "REH FINAL", "MEEM INITIAL")
    assert [unicodedata.name(chr(code)) for code in seen] == [f"ARABIC LETTER {form} FORM" for form in forms]


@pytest.mark.parametrize(
    ("read", "seen"),
    [
        ("Case 12", "Case 12"),
        ("Case שלום 12", "Case 12 םולש"),
        ("לאה (ב)", "(ב) האל"),
        ("(a) לאה [ב]", "(a) [ב] האל"),
        ("Specimen: לאה. Made: 2026", "Specimen: האל. Made: 2026"),
        ("a<b> & לאה", "a<b> & האל"),
        ("\u202eevil", "\\u202eevil"),
    ],
)
def test_a_line_is_in_the_order_in_which_it_is_seen(read: str, seen: str):
    assert lines_of(read) == [seen]


def test_each_line_is_put_in_order_by_itself():
    assert lines_of("ראשון שני", width_pt=30) == ["ןושאר", "ינש"]
    broken = lines_of("א" * 100, width_pt=100)
    assert len(broken) > 3
    assert sum(len(line) for line in broken) == 100


def test_letters_that_no_font_has_are_told():
    assert lines_of("לאה ชื่อ")[0].count("[letters of another script: see the CSV]") == 1
