"""Properties of every text that somebody else chose, in each place where one is shown."""

import csv
import io
import re
import unicodedata
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import Paragraph
from rich.console import Console
from rich.table import Table
from rich.text import Text

import untrusted

NAMES = [
    "[old]patient.png",
    "[/]x].png",
    "a\x1b[2J\x1b]0;title\x07.png",
    "=cmd|'/c calc'!A1",
    "  =1+1",
    "\n=1+1",
    "\u3000=1",
    "\uff1d1+1",  # full-width equals sign
    "\ufeff@SUM(A1)",
    "\u200b-1",
    '"=1"',
    "a\u202egnp.exe",
    "a\r\nb;c,d\te",
    "a\u2028b",
    "\udcff.png",
    "<script>alert(1)</script>&amp;",
    "a|b",
    "![x](http://elsewhere.example/a.png)",
    ":red[x] $a$ ~~b~~ `c`",
    "    code",
    "1. list",
    "- list",
    "# head",
    "a  ",
    "\\",
    "Kälte 漢字 ä.png",
]
texts = st.one_of(st.sampled_from(NAMES), st.text(st.characters(codec=None), max_size=60), st.text(max_size=60))


def invisible(text: str) -> list[str]:
    return [
        one for one in text if unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp") and one not in "\u200c\u200d"
    ]


@pytest.mark.parametrize("name", ["field 1.png", "Kälte 漢字.tif", "[old]patient.png", "a'b,c.png", "می‌خواهم.png"])
def test_an_ordinary_name_is_shown_as_it_is(name: str) -> None:
    assert untrusted.in_terminal(name) == name
    assert untrusted.in_csv(name) == name


@given(texts)
def test_in_a_terminal_a_text_is_shown_and_never_done(text: str) -> None:
    shown = untrusted.in_terminal(text)
    assert not invisible(shown)
    assert untrusted.in_terminal(shown) == shown
    shown.encode()  # what is no text has become text
    table = Table("file", show_header=False, box=None, padding=0)
    table.add_row(Text(shown))
    file = io.StringIO()
    Console(file=file, width=10_000, force_terminal=True, color_system=None).print(table)
    assert file.getvalue().rstrip() == shown.rstrip()


@given(texts)
@example("=cmd.png")
def test_in_csv_a_text_is_one_cell_and_no_formula(text: str) -> None:
    file = io.StringIO()
    csv.writer(file).writerow([untrusted.in_csv(text), "next"])
    ((cell, after),) = csv.reader(io.StringIO(file.getvalue()))
    assert after == "next"
    assert not invisible(cell)
    start = unicodedata.normalize("NFKC", cell).lstrip().lstrip('"').lstrip()[:1]
    assert start not in ("=", "+", "-", "@") or not start
    assert cell.removeprefix("'") == untrusted.in_terminal(text).removeprefix("'")


class _Read(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.tags: list[object] = []

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append((tag, attrs))


@given(texts)
def test_in_html_a_text_is_text_and_stays_in_its_attribute(text: str) -> None:
    shown, read = untrusted.in_terminal(text), _Read()
    read.feed(f'<img alt="{untrusted.in_html(text)}">{untrusted.in_html(text)}')
    read.close()
    assert read.tags == [("img", [("alt", shown)])]
    assert read.text == shown


@given(texts)
def test_in_markdown_a_text_is_text_in_a_line_and_in_a_cell(text: str) -> None:
    shown = untrusted.in_terminal(text).strip(" ")
    markdown = MarkdownIt("commonmark").enable("table").enable("strikethrough")
    written = untrusted.in_markdown(text)
    read = _Read()
    read.feed(markdown.render(f"x{written}x"))
    assert ([tag for tag, _ in read.tags], read.text.strip()) == (["p"], f"x{shown}x")
    cells = _Read()
    cells.feed(markdown.render(f"| a | b |\n| --- | --- |\n| {written} | next |"))
    assert [tag for tag, _ in cells.tags] == ["table", "thead", "tr", "th", "th", "tbody", "tr", "td", "td"]
    filled = [line.strip() for line in cells.text.splitlines() if line.strip()]
    assert filled == ["a", "b", *filter(None, [shown.strip()]), "next"]
    alone = _Read()
    alone.feed(markdown.render(written))
    assert [tag for tag, _ in alone.tags] == (["p"] if shown.strip() else [])


@given(texts)
@example(":red[x] $a$")
def test_in_markdown_streamlits_colours_and_formulas_are_text(text: str) -> None:
    assert not {":", "$"} & set(re.sub(r"\\.", "", untrusted.in_markdown(text)))


@given(texts)
def test_in_a_pdf_a_text_is_text_of_the_font(text: str) -> None:
    paragraph = Paragraph(untrusted.in_pdf(text, str.isascii), ParagraphStyle("any"))
    expected = "".join(one if one.isascii() else "?" for one in untrusted.in_terminal(text))
    assert "".join(paragraph.getPlainText().split()) == "".join(expected.split())
