"""A specimen's report as PDF."""

import io
from collections.abc import Callable, Sequence

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, LETTER
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, Image, PageTemplate, Paragraph, Spacer, Table

from api.schemas import Report
from frontend import finding
from frontend.documents.letters import BOLD, FONT, markup, register
from frontend.documents.specimen import Specimen
from frontend.translation import _, language
from frontend.wording import NO_BREAK

PAPERS = {"A4": A4, "Letter": LETTER}
INK, QUIET, RULE, TINT = (colors.HexColor(code) for code in ("#211a33", "#5d5570", "#d9d3e8", "#f1eef8"))
MARGIN = 18 * mm
GALLERY_COLUMNS, GALLERY_FIELDS = 4, 12
PICTURE_MM = 38.0
PADDING = 12.0
"""Of a cell, left and right together, at most (points)."""


def write(specimen: Specimen, paper: str = "A4") -> bytes:
    """Write the report as a PDF.

    Parameters
    ----------
    specimen : Specimen
        With answered fields, those that decide first.
    paper : str
        ``A4`` or ``Letter``.

    Returns
    -------
    bytes
        A PDF.
    """
    register()
    buffer = io.BytesIO()
    document = BaseDocTemplate(
        buffer,
        pagesize=PAPERS[paper],
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=26 * mm,
        title=f"Leukolens specimen report{': ' + specimen.name if specimen.name else ''}",
        author="Leukolens (research use only)",
        lang=language(),
    )
    frame = Frame(document.leftMargin, document.bottomMargin, document.width, document.height, 0, 0, 0, 0)
    foot = _footer(specimen.report, PAPERS[paper][0])
    document.addPageTemplates(PageTemplate(frames=[frame], onPage=foot))
    document.build(_story(specimen, document.width))
    return buffer.getvalue()


def _story(specimen: Specimen, width: float) -> list[Flowable]:
    report = specimen.report
    return [
        Paragraph(_("Leukolens: specimen report"), _style(17, bold=True, after=4)),
        _text(_heading_line(specimen), _style(9, colour=QUIET, after=8), width),
        _box([_(report.warning)], [_style(9.5, bold=True)], width),
        Spacer(0, 4 * mm),
        _box([specimen.headline, *_statements(specimen)], [_style(13, bold=True), _style(9.5)], width),
        Paragraph(_("Fields by finding"), _heading()),
        _table([list(specimen.counts), [str(count) for count in specimen.counts.values()]], width),
        *_unread(specimen, width),
        *_shares(specimen, width),
        Paragraph(_("Fields that decide (up to {count})").format(count=GALLERY_FIELDS), _heading()),
        _gallery(specimen, width),
        Paragraph(_("All fields"), _heading()),
        _table(_rows(specimen), width, shares=(1, 5, 4, 4, 3, 4)),
    ]


def _heading_line(specimen: Specimen) -> str:
    made_at = specimen.made_at.strftime("%Y-%m-%d %H:%M UTC")
    parts = [
        f"{_('Specimen')}: {specimen.name or _('not named')}",
        f"{_('Made')}: {made_at}",
        f"{_('Read by')}: {specimen.reviewer or _('not named')}",
    ]
    if specimen.stain:
        parts.append(f"{_('Stain')}: {specimen.stain}")
    if specimen.pixel_um:
        parts.append(f"{_('Pixel size')}: {specimen.pixel_um:g} \N{MICRO SIGN}m")
    return ". ".join(parts) + "."


def _statements(specimen: Specimen) -> list[str]:
    return [specimen.basis, specimen.report.reason, *specimen.warnings]


def _unread(specimen: Specimen, width: float) -> list[Flowable]:
    """Name every file that was dropped and not read: a reader must not take it for read."""
    if not specimen.unread and not specimen.ledger.unsettled:
        return []
    rows = [[_("File"), _("Not read, because")], *([name, reason] for name, reason in specimen.unread)]
    if specimen.ledger.unsettled:
        rows.append([_("Files: {count}").format(count=specimen.ledger.unsettled), _("Not read yet.")])
    return [Paragraph(_("Files that were not read"), _heading()), _table(rows, width, shares=(2, 3))]


def _shares(specimen: Specimen, width: float) -> list[Flowable]:
    report = specimen.report
    if report.evidence == "insufficient":
        return []  # a share of a handful of fields would be read as more than it is
    rows = [[_("Pattern"), _("Fields"), _("Share"), _("95 % interval")]]
    shares = {finding.name_of(label, specimen.classes): share for label, share in report.labels.items()}
    if report.malignant:
        shares |= {_("Malignant"): report.malignant}
    for label, share in shares.items():
        interval = f"{share.low:.0%} to {share.high:.0%}".replace("%", f"{NO_BREAK}%")
        rows.append([label, str(share.count), f"{share.share:.0%}".replace("%", f"{NO_BREAK}%"), interval])
    return [
        Paragraph(_("Share of each pattern among the accepted fields"), _heading()),
        _table(rows, width),
        Paragraph(_("95 % Wilson score intervals over fields, not over patients."), _style(8, colour=QUIET, after=2)),
    ]


def _rows(specimen: Specimen) -> list[list[str]]:
    rows = [[_("No."), _("File"), _("Finding"), _("Pattern"), _("Reader"), _("Image SHA-256 (start)")]]
    for field, reading in specimen.deciding:
        name = field.name + (f" ({_('synthetic')})" if field.synthetic else "")
        title = " ".join(filter(None, [reading.title, f"({reading.certainty})" if reading.certainty else ""]))
        review = field.review
        reader = " ".join([finding.name_of(review.label, specimen.classes), review.reviewer]) if review else ""
        notes = [text for text in (reader, field.note, review.comment if review else "") if text]
        rows.append([str(field.number), name, title, reading.pattern, ". ".join(notes), field.answer.image.sha256[:16]])
    return rows


def _gallery(specimen: Specimen, width: float) -> Table:
    side = PICTURE_MM * mm
    cells: list[list[Flowable]] = []
    for field, reading in specimen.deciding[:GALLERY_FIELDS]:
        drawn = f" ({_('synthetic')})" if field.synthetic else ""
        caption = f"{field.number}. {specimen.title_of(field, reading)} {reading.certainty}{drawn}"
        picture = [Image(io.BytesIO(field.preview), side, side, kind="proportional")] if field.preview else []
        cells.append([*picture, _text(caption, _style(8, after=4), width / GALLERY_COLUMNS - PADDING)])
    rows = [cells[start : start + GALLERY_COLUMNS] for start in range(0, len(cells), GALLERY_COLUMNS)]
    rows[-1] += [[] for _ in range(GALLERY_COLUMNS - len(rows[-1]))]
    return Table(
        rows, colWidths=[width / GALLERY_COLUMNS] * GALLERY_COLUMNS, style=[("LEFTPADDING", (0, 0), (-1, -1), 0)]
    )


def _table(rows: list[list[str]], width: float, shares: Sequence[int] | None = None) -> Table:
    shares = shares or [1] * len(rows[0])
    head, body = _style(8.5, bold=True), _style(8.5)
    widths = [width * share / sum(shares) for share in shares]
    cells = [
        [_text(cell, body if row else head, room - PADDING) for cell, room in zip(line, widths, strict=True)]
        for row, line in enumerate(rows)
    ]
    return Table(
        cells,
        colWidths=widths,
        repeatRows=1,
        style=[
            ("BACKGROUND", (0, 0), (-1, 0), TINT),
            ("LINEBELOW", (0, 0), (-1, -1), 0.5, RULE),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 4),
        ],
    )


def _box(lines: list[str], styles: list[ParagraphStyle], width: float) -> Table:
    """Frame lines; the first one has the first style, all others the last."""
    return Table(
        [[_text(line, styles[min(row, len(styles) - 1)], width - PADDING)] for row, line in enumerate(lines)],
        colWidths=[width],
        style=[("BOX", (0, 0), (-1, -1), 0.8, RULE), ("BACKGROUND", (0, 0), (-1, -1), TINT)],
    )


def _text(text: str, style: ParagraphStyle, width: float) -> Paragraph:
    return Paragraph(markup(text, style.fontSize, width), style)


def _footer(report: Report, width: float) -> Callable[[Canvas, BaseDocTemplate], None]:
    def draw(canvas: Canvas, document: BaseDocTemplate) -> None:
        canvas.setFont(FONT, 7)
        canvas.setFillColor(QUIET)
        canvas.drawString(MARGIN, 16 * mm, _(report.warning))
        canvas.drawString(MARGIN, 12.5 * mm, f"Model {report.model.version}, SHA-256 {report.model.sha256}")
        canvas.drawString(MARGIN, 9 * mm, f"Request {report.request_id}")
        canvas.drawRightString(width - MARGIN, 9 * mm, f"{_('Page')} {document.page}")

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
