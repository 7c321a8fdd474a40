"""The page's texts in other languages: catalogues of gettext, kept complete from the sources.

``python -m release translations`` brings each ``frontend/locales/<code>/LC_MESSAGES/page.po`` up to date with the texts
of the page, and compiles it to ``page.mo`` beside it, which is what the page reads. A new language begins with an empty
``page.po`` in a folder of its own.
"""

import ast
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from api.schemas import CONSENT_TEXT, RESEARCH_USE_WARNING
from release.graphviz import ROOT

PAGE = ROOT / "frontend"
LOCALES = PAGE / "locales"
NO_DATE = datetime(2000, 1, 1, tzinfo=UTC)
"""In the compiled catalogue, which must come out the same however often it is made."""
MARKS = ("_", "mark")
"""Functions of ``frontend.translation`` around each text."""
OF_THE_API = (RESEARCH_USE_WARNING, CONSENT_TEXT)
"""Texts that the page shows as the API has them."""


def texts() -> list[str]:
    """List every text of the page, in the order of the sources, each once."""
    messages = dict.fromkeys(OF_THE_API)
    for path in sorted(PAGE.rglob("*.py")):
        messages |= dict.fromkeys(_marked(path))
    return list(messages)


def _marked(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS and node.args:
            text = node.args[0]
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                yield text.value


def catalogues() -> list[Path]:
    """List the catalogues' sources."""
    return sorted(LOCALES.glob("*/LC_MESSAGES/page.po"))


def load(path: Path) -> Catalog:
    """Read a catalogue's source."""
    with path.open("rb") as source:
        catalogue = read_po(source, locale=path.parents[1].name, domain="page")
    catalogue.creation_date = catalogue.revision_date = NO_DATE
    return catalogue


def missing(path: Path) -> list[str]:
    """List the texts that a catalogue does not translate."""
    known = load(path)
    return [text for text in texts() if (message := known.get(text)) is None or not message.string or message.fuzzy]


def compiled(path: Path) -> bytes:
    """Compile a catalogue."""
    buffer = io.BytesIO()
    write_mo(buffer, load(path))
    return buffer.getvalue()


def write() -> list[Path]:
    """Bring every catalogue up to date, and compile it; gives the files that were written."""
    template = Catalog(domain="page", project="Leukolens", charset="utf-8")
    for text in texts():
        template.add(text)
    written = []
    for path in catalogues():
        catalogue = load(path)
        catalogue.update(template, no_fuzzy_matching=True)
        buffer = io.BytesIO()
        # Leave out places and dates, which change with every other commit.
        write_po(buffer, catalogue, width=120, omit_header=True, no_location=True, ignore_obsolete=True)
        header = b'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n"Language: %s\\n"\n\n'
        path.write_bytes(header % path.parents[1].name.encode() + buffer.getvalue().lstrip())
        path.with_suffix(".mo").write_bytes(compiled(path))
        written += [path, path.with_suffix(".mo")]
    return written
