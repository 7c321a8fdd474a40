"""A specimen's report as PDF."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

import reportlab
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, Image, PageTemplate, Paragraph, Spacer, Table

from api.schemas import Report
from frontend.wording import NO_BREAK, VERDICTS, malignant_in_words
from frontend.workspace import SmearField
from untrusted import in_pdf

FONT, BOLD = "Vera", "VeraBd"
"""Comes with reportlab and is embedded, so that the report looks and prints the same everywhere."""
INK, QUIET, RULE, TINT = (colors.HexColor(code) for code in ("#211a33", "#5d5570", "#d9d3e8", "#f1eef8"))
MARGIN = 18 * mm
GALLERY_COLUMNS, GALLERY_FIELDS = 4, 12
PICTURE_MM = 38.0


@dataclass(frozen=True)
class Specimen:
    """What a report is of: the reader's own name for it, its fields, and what the API made of them."""

    name: str
    fields: Sequence[SmearField]
    report: Report
    made_at: datetime


def write(specimen: Specimen) -> bytes:
    """Write the report.

    Parameters
    ----------
    specimen : Specimen
        With answered fields, of highest malignant probability first.

    Returns
    -------
    bytes
        A PDF, A4.
    """
    _fonts()
    buffer = io.BytesIO()
    document = BaseDocTemplate(
        buffer,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=26 * mm,
        title=f"Leukolens specimen report{': ' + specimen.name if specimen.name else ''}",
        author="Leukolens (research use only)",
        lang="en",
    )
    frame = Frame(document.leftMargin, document.bottomMargin, document.width, document.height, 0, 0, 0, 0)
    foot = _footer(specimen.report)
    document.addPageTemplates(PageTemplate(frames=[frame], onPage=foot))
    document.build(_story(specimen, document.width))
    return buffer.getvalue()


def _story(specimen: Specimen, width: float) -> list[Flowable]:
    report = specimen.report
    made = specimen.made_at.strftime("%Y-%m-%d %H:%M UTC")
    return [
        Paragraph("Leukolens: specimen report", _style(17, bold=True, after=4)),
        Paragraph(f"Specimen: {_safe(specimen.name) or 'not named'}. Made: {made}.", _style(9, colour=QUIET, after=8)),
        _box([f"<b>{_safe(report.warning)}</b>"], width),
        Spacer(0, 4 * mm),
        _box([f"<b>{_safe(report.reason)}</b>"], width),
        Spacer(0, 2 * mm),
        Paragraph("Fields", _heading()),
        _table([["Fields", *(words.title for words in VERDICTS.values()), "Sent twice"], _counts(report)], width),
        *_shares(report, width),
        Paragraph(f"Fields with the highest malignant probability (up to {GALLERY_FIELDS})", _heading()),
        _gallery(specimen.fields[:GALLERY_FIELDS], width),
        Paragraph("All fields", _heading()),
        _table(_rows(specimen.fields), width, shares=(1, 6, 4, 2, 3, 5)),
    ]


def _counts(report: Report) -> list[str]:
    counts = (report.fields, report.accepted, report.uncertain, report.out_of_distribution, report.duplicates)
    return [str(count) for count in counts]


def _shares(report: Report, width: float) -> list[Flowable]:
    if report.evidence == "insufficient":
        return []  # a share of a handful of fields would be read as more than it is
    rows = [["Pattern", "Fields", "Share", "95 % interval"]]
    shares = dict(report.labels) | ({"Malignant, together": report.malignant} if report.malignant else {})
    for label, share in shares.items():
        interval = f"{share.low:.0%} to {share.high:.0%}".replace("%", f"{NO_BREAK}%")
        rows.append([label, str(share.count), f"{share.share:.0%}".replace("%", f"{NO_BREAK}%"), interval])
    return [
        Paragraph("Share of each pattern among the accepted fields", _heading()),
        _table(rows, width),
        Paragraph("95 % Wilson score intervals over fields, not over patients.", _style(8, colour=QUIET, after=2)),
    ]


def _rows(fields: Sequence[SmearField]) -> list[list[str]]:
    rows = [["No.", "File", "Verdict", "Label", "Malignant", "Image SHA-256 (start)"]]
    for number, field in enumerate(fields, 1):
        decision = field.answer.prediction
        label = decision.label if decision.label and decision.verdict == "accepted" else "none"
        name = field.name + (" (synthetic)" if field.synthetic else "")
        malignant = malignant_in_words(field.answer).removeprefix("malignant ")
        start = field.answer.image.sha256[:16]
        rows.append([str(number), name, VERDICTS[decision.verdict].title, label, malignant, start])
    return rows


def _gallery(fields: Sequence[SmearField], width: float) -> Table:
    side = PICTURE_MM * mm
    cells: list[list[Flowable]] = []
    for number, field in enumerate(fields, 1):
        caption = f"{number}. {malignant_in_words(field.answer)}{' (synthetic)' if field.synthetic else ''}"
        picture = [Image(io.BytesIO(field.preview), side, side, kind="proportional")] if field.preview else []
        cells.append([*picture, Paragraph(_safe(caption), _style(8, after=4))])
    rows = [cells[start : start + GALLERY_COLUMNS] for start in range(0, len(cells), GALLERY_COLUMNS)]
    rows[-1] += [[] for _ in range(GALLERY_COLUMNS - len(rows[-1]))]
    return Table(
        rows, colWidths=[width / GALLERY_COLUMNS] * GALLERY_COLUMNS, style=[("LEFTPADDING", (0, 0), (-1, -1), 0)]
    )


def _table(rows: list[list[str]], width: float, shares: Sequence[int] | None = None) -> Table:
    shares = shares or [1] * len(rows[0])
    head, body = _style(8.5, bold=True), _style(8.5)
    cells = [[Paragraph(_safe(cell), head if row == 0 else body) for cell in line] for row, line in enumerate(rows)]
    return Table(
        cells,
        colWidths=[width * share / sum(shares) for share in shares],
        repeatRows=1,
        style=[
            ("BACKGROUND", (0, 0), (-1, 0), TINT),
            ("LINEBELOW", (0, 0), (-1, -1), 0.5, RULE),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 4),
        ],
    )


def _box(lines: list[str], width: float) -> Table:
    return Table(
        [[Paragraph(line, _style(9.5))] for line in lines],
        colWidths=[width],
        style=[("BOX", (0, 0), (-1, -1), 0.8, RULE), ("BACKGROUND", (0, 0), (-1, -1), TINT)],
    )


def _footer(report: Report) -> Callable[[Canvas, BaseDocTemplate], None]:
    def draw(canvas: Canvas, document: BaseDocTemplate) -> None:
        canvas.setFont(FONT, 7)
        canvas.setFillColor(QUIET)
        canvas.drawString(MARGIN, 16 * mm, report.warning)
        canvas.drawString(MARGIN, 12.5 * mm, f"Model {report.model.version}, SHA-256 {report.model.sha256}")
        canvas.drawString(MARGIN, 9 * mm, f"Request {report.request_id}")
        canvas.drawRightString(A4[0] - MARGIN, 9 * mm, f"Page {document.page}")

    return draw


def _style(size: float, *, bold: bool = False, colour: colors.Color = INK, after: float = 0) -> ParagraphStyle:
    return ParagraphStyle(
        f"{size}{bold}{after}",
        fontName=BOLD if bold else FONT,
        fontSize=size,
        leading=size * 1.35,
        textColor=colour,
        spaceAfter=after,
        wordWrap="CJK" if size < 9 else None,
    )


def _heading() -> ParagraphStyle:
    style = _style(11.5, bold=True, after=4)
    style.spaceBefore = 12
    return style


def _safe(text: str) -> str:
    """Escape a text, and replace what the font has no shape for: an image is known by its SHA-256 in any case."""
    known = pdfmetrics.getFont(FONT).face.charToGlyph
    return in_pdf(text, lambda character: ord(character) in known)


@cache
def _fonts() -> None:
    folder = Path(reportlab.__file__).parent / "fonts"
    for name in (FONT, BOLD):
        pdfmetrics.registerFont(TTFont(name, folder / f"{name}.ttf"))
    pdfmetrics.registerFontFamily(FONT, normal=FONT, bold=BOLD, italic=FONT, boldItalic=BOLD)
