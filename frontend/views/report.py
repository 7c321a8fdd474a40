"""Specimen report: the fields of one smear together."""

from datetime import UTC, datetime
from pathlib import PurePath

import streamlit as st

from api.schemas import Report
from client import LeukolensError
from frontend import cards, charts, paging, pictures, service, session, theme
from frontend.documents import pdf, table
from frontend.wording import TRY_LATER, VERDICTS, malignant_in_words
from frontend.workspace import SmearField

GALLERY_A_PAGE = 24


def render() -> None:
    """Show the view."""
    st.title("Specimen report", anchor=False)
    answered = session.workspace().of("answered")
    if not answered:
        st.info(
            "Nothing to report yet. Open Classify, and classify the fields of one smear first.",
            icon=":material/biotech:",
        )
        return
    st.markdown("A report is of **one** smear. Leave out the fields of other smears.")
    name, fields = _specimen(answered)
    if not fields:
        st.info("You left out every field. Remove some from the list above.", icon=":material/filter_alt_off:")
        return
    report = _report(fields)
    if report is None:
        return
    _evidence(report)
    _shares(report)
    _downloads(pdf.Specimen(name, fields, report, datetime.now(UTC)))
    _gallery(fields)


def _specimen(answered: list[SmearField]) -> tuple[str, list[SmearField]]:
    left, right = st.columns([2, 3], gap="medium")
    name = left.text_input(
        "Your name for the specimen (optional)",
        max_chars=80,
        help="It is printed on the report and sent nowhere. Do not use the name of a patient.",
    )
    names = {field.key: f"{number}: {field.name}" for number, field in enumerate(answered, 1)}
    out = right.multiselect("Fields to leave out", list(names), format_func=names.__getitem__, placeholder="None")
    fields = [field for field in answered if field.key not in out]
    return name, sorted(fields, key=_order)


def _order(field: SmearField) -> tuple[bool, float]:
    """Most malignant first; last, those that the model does not know, whose probabilities mean nothing."""
    return field.answer.prediction.verdict == "out_of_distribution", -(field.answer.malignant_probability or 0.0)


def _report(fields: list[SmearField]) -> Report | None:
    """Ask the API once for each set of fields; the last answer is kept for the clicks in between."""
    asked = tuple(sorted((field.key, field.answer.request_id) for field in fields))
    kept: tuple[object, Report] | None = st.session_state.get("report")
    if kept is not None and kept[0] == asked:
        return kept[1]
    if len({field.answer.model.sha256 for field in fields}) > 1:
        st.warning(
            "These fields were answered by different models, as a new one came into service. Clear them in Classify, "
            "and classify them again.",
            icon=":material/sync_problem:",
        )
        return None
    try:
        report = service.connect().report(field.answer for field in fields)
    except LeukolensError as error:
        st.error(f"**No report.** {error}", icon=":material/cloud_off:")
        st.markdown(f"Your fields are still here. {TRY_LATER}")
        st.button("Try again", type="primary", icon=":material/refresh:")
        return None
    st.session_state["report"] = (asked, report)
    return report


def _evidence(report: Report) -> None:
    if report.evidence == "sufficient":
        st.success(report.reason, icon=":material/check_circle:")
    else:
        st.warning(report.reason, icon=":material/hourglass_disabled:")
    counts = {
        "Fields": report.fields,
        VERDICTS["accepted"].title: report.accepted,
        VERDICTS["uncertain"].title: report.uncertain,
        VERDICTS["out_of_distribution"].title: report.out_of_distribution,
    }
    with st.container(horizontal=True, gap="large", key="counts"):
        for name, count in counts.items():
            st.metric(name, count, width="content")


def _shares(report: Report) -> None:
    if report.evidence == "insufficient":
        return  # a share of a handful of fields would be read as more than it is
    shares = dict(report.labels) | ({"Malignant": report.malignant} if report.malignant else {})
    st.header("Shares among the accepted fields", anchor=False)
    st.altair_chart(charts.shares(shares, theme.ink()), alt=charts.shares_in_words(shares))
    st.caption("Thin lines: 95 % Wilson score intervals. They tell of fields of this smear, not of other smears.")


def _downloads(specimen: pdf.Specimen) -> None:
    stem = PurePath(specimen.name).name or "specimen"
    with st.container(horizontal=True):
        st.download_button(
            "Report (PDF)",
            lambda: pdf.write(specimen),
            f"leukolens-{stem}.pdf",
            "application/pdf",
            on_click="ignore",
            icon=":material/picture_as_pdf:",
            type="primary",
        )
        st.download_button(
            "Fields (CSV)",
            lambda: table.write(specimen.fields),
            f"leukolens-{stem}.csv",
            "text/csv",
            on_click="ignore",
            icon=":material/csv:",
        )


def _gallery(fields: list[SmearField]) -> None:
    st.header("Fields, by malignant probability", anchor=False)
    shown = paging.choose(list(enumerate(fields, 1)), GALLERY_A_PAGE, "gallery-page")
    grid = st.grid("auto", min_column_width=170)
    for number, field in shown:
        decision = field.answer.prediction
        words = VERDICTS[decision.verdict]
        with grid.cell():
            if field.preview:
                st.html(f'<div class="leukolens-picture">{_thumbnail(field)}</div>')
            label = decision.label if decision.verdict == "accepted" else "No label"
            st.markdown(f"{words.icon} **{label}** · {malignant_in_words(field.answer)}")
            st.caption(f"No. {number} · {cards.named(field)}")


def _thumbnail(field: SmearField) -> str:
    source = pictures.data_uri(pictures.thumbnail(field.preview or b""), "image/jpeg")
    return f'<img src="{source}" alt="{cards.alternative(field)}">'
