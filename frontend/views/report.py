"""Specimen report: the fields of one smear together."""

import re
import unicodedata
from datetime import UTC, datetime

import streamlit as st

from api.schemas import MICRONS_PER_PIXEL, Report
from client import LeukolensError
from frontend import charts, finding, service, session, theme
from frontend.documents import fhir, pdf, table
from frontend.documents.specimen import Specimen
from frontend.translation import _, in_this_language
from frontend.views import failure
from frontend.wording import plain
from frontend.workspace import NAME_CHARS, SmearField, Workspace


def render() -> None:
    """Show the view of the specimen's report."""
    workspace = session.workspace()
    if not workspace.of("answered"):
        st.info(
            _("Nothing to report yet. Open Classify, and classify the fields of one smear first."),
            icon=":material/biotech:",
        )
        return
    _incomplete(workspace)
    _enter(workspace)
    fields = workspace.reported()
    if not fields:
        st.info(_("You left out every field. Take some back in above."), icon=":material/filter_alt_off:")
        return
    report = _report(workspace)
    if report is None:
        return
    specimen = Specimen.of(workspace, report, datetime.now(UTC))
    _finding(specimen)
    _shares(specimen)
    _downloads(specimen)
    _fields(specimen)


def _incomplete(workspace: Workspace) -> None:
    """Say what the report does not hold: a report on some fields must not pass for one on all."""
    ledger = workspace.ledger()
    if ledger.unsettled:
        st.warning(
            _("Files not read yet: {count}. This report is of a part of the specimen.").format(count=ledger.unsettled),
            icon=":material/hourglass_top:",
        )
    elif ledger.unread:
        st.warning(
            _("Files that were not read: {count}. They are in no count below.").format(count=ledger.unread),
            icon=":material/image_not_supported:",
        )


def _enter(workspace: Workspace) -> None:
    st.markdown(_("A report is of **one** smear. Leave out the fields of other smears."))
    left, middle, right = st.columns([2, 1, 3], gap="medium")
    # Kept by the workspace, and not by the widget, which forgets what was typed as soon as its view is left.
    workspace.specimen = left.text_input(
        _("Specimen"),
        key=_filled_key("specimen", workspace.specimen),
        max_chars=NAME_CHARS,
        help=_("Your own name for it. It is printed on the report and sent nowhere. Do not use the name of a patient."),
    )
    workspace.reviewer = middle.text_input(
        _("Read by"), key=_filled_key("reader", workspace.reviewer), max_chars=NAME_CHARS
    )
    answered = workspace.of("answered")
    names = {field.key: f"{field.number}: {field.name}" for field in answered}
    out = right.multiselect(
        _("Fields to leave out"),
        list(names),
        key=_filled_key("left-out", [field.key for field in answered if field.left_out]),
        format_func=names.__getitem__,
        placeholder=_("None"),
    )
    for field in answered:
        if field.left_out != (field.key in out):
            field.left_out = field.key in out
            workspace.touch(field)
    with st.expander(_("Stain and pixel size"), icon=":material/science:"):
        workspace.stain = st.text_input(_("Stain"), key=_filled_key("stain", workspace.stain), max_chars=NAME_CHARS)
        pixel_um = st.number_input(
            _("Pixel size (micrometres)"),
            *MICRONS_PER_PIXEL,
            key=_filled_key("pixel", workspace.pixel_um),
            format="%.4f",
        )
        if pixel_um != workspace.pixel_um:
            workspace.set_pixel_size(pixel_um)


def _filled_key(name: str, value: object) -> str:
    """Fill a widget with what the workspace holds when its view is opened; gives the widget's key."""
    key = f"report-{name}"
    if key not in st.session_state:
        st.session_state[key] = value
    return key


def _report(workspace: Workspace) -> Report | None:
    """Ask the API once for each set of fields; the last answer is kept for the clicks in between."""
    fields = workspace.reported()
    fields_key = tuple(sorted((field.key, field.answer.request_id) for field in fields))
    cached: tuple[object, Report] | None = st.session_state.get("report")
    if cached is not None and cached[0] == fields_key:
        return cached[1]
    if len({field.answer.model.sha256 for field in fields}) > 1:
        st.warning(
            _(
                "These fields were answered by different models. Have them answered again by one: Classify offers it. "
                "Fields whose files the page no longer holds must be added again, or left out."
            ),
            icon=":material/sync_problem:",
        )
        return None
    try:
        report = service.connect().report(field.answer for field in fields)
    except LeukolensError as error:
        failure.show(error, _("No report."), _("Your fields are still here."), again=True)
        return None
    st.session_state["report"] = (fields_key, report)
    return report


def _finding(specimen: Specimen) -> None:
    st.header(specimen.headline, anchor=False)
    st.markdown(specimen.basis)
    st.caption(specimen.report.reason)
    counts = specimen.counts
    with st.container(horizontal=True, gap="large", key="counts"):
        st.metric(_("Fields"), len(specimen.fields), width="content")
        for title, count in counts.items():
            st.metric(title, count, width="content")
    for warning in specimen.warnings:
        st.warning(warning, icon=":material/warning:")


def _shares(specimen: Specimen) -> None:
    report = specimen.report
    if report.evidence == "insufficient":
        return  # a share of a handful of fields would be read as more than it is
    shares = {finding.name_of(label, specimen.classes): share for label, share in report.labels.items()}
    if report.malignant:
        shares |= {_("Malignant"): report.malignant}
    st.subheader(_("Shares among the accepted fields"), anchor=False)
    st.altair_chart(charts.shares(shares, theme.ink()), alt=charts.shares_in_words(shares))
    st.caption(_("Thin lines: 95 % Wilson score intervals. They tell of fields of this smear, not of other smears."))


def _downloads(specimen: Specimen) -> None:
    stem = f"leukolens-{stem_of(specimen.name)}"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        paper = st.selectbox(_("Paper"), list(pdf.PAPERS), key="paper", width=120)
        st.download_button(
            _("Report (PDF)"),
            in_this_language(lambda: pdf.write(specimen, paper=paper)),
            f"{stem}.pdf",
            "application/pdf",
            on_click="ignore",
            icon=":material/picture_as_pdf:",
            type="primary",
        )
        st.download_button(
            _("Fields (CSV)"),
            in_this_language(lambda: table.write(specimen.fields)),
            f"{stem}.csv",
            "text/csv",
            on_click="ignore",
            icon=":material/csv:",
        )
        st.download_button(
            _("FHIR R4 (JSON)"),
            in_this_language(lambda: fhir.write(specimen)),
            f"{stem}.fhir.json",
            "application/fhir+json",
            on_click="ignore",
            icon=":material/data_object:",
        )


def _fields(specimen: Specimen) -> None:
    st.subheader(_("Fields"), anchor=False)
    # Few columns: on a telephone, a table that scrolls sideways cannot be reached by keyboard.
    rows = [
        {
            _("No."): field.number,
            _("File"): plain(field.name),
            _("Finding"): " ".join(
                filter(None, [reading.title, f"({reading.certainty})" if reading.certainty else ""])
            ),
            _("Pattern"): reading.pattern,
            _("You, and your note"): ". ".join(filter(None, [_label(field, specimen), plain(field.note)])),
        }
        for field, reading in specimen.deciding
    ]
    st.table(rows)


def _label(field: SmearField, specimen: Specimen) -> str:
    return finding.name_of(field.review.label, specimen.classes) if field.review else ""


def stem_of(name: str) -> str:
    """Make a specimen's name into a part of a file's name that every system takes, without losing a letter.

    Examples
    --------
    >>> stem_of("Case 12/ü"), stem_of("../etc"), stem_of("")
    ('Case-12-ü', 'etc', 'specimen')
    """
    return re.sub(r"[^\w]+", "-", unicodedata.normalize("NFC", name)).strip("-") or "specimen"
