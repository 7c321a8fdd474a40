import csv
import io
from datetime import UTC, datetime

import pytest
from pypdf import PdfReader

from api.schemas import Report
from frontend import classification
from frontend.documents import pdf, table
from frontend.wording import NO_BREAK
from frontend.workspace import SmearField, Workspace
from tests.unit.frontend.conftest import MODEL_SHA256, FakeClient, png


@pytest.fixture
def fields() -> list[SmearField]:
    workspace, client = Workspace(limit_bytes=10_000_000), FakeClient()
    for number, name in enumerate(["=cmd()|x.png", "血液 слайд é.png", *("c" * 90 + str(n) for n in range(40))]):
        workspace.add(name, png((number, 0, 0)))
    return list(classification.classify(workspace.of("waiting"), lambda data: client.predict(data, explain=True), 2))


@pytest.fixture
def report(fields: list[SmearField]) -> Report:
    return FakeClient().report(field.answer for field in fields)


def rows(fields: list[SmearField]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.write(fields).decode("utf-8-sig"))))


def test_csv_has_a_row_a_field_that_traces_back_to_image_and_model(fields: list[SmearField]):
    first = rows(fields)[0]
    assert len(rows(fields)) == len(fields)
    assert first["image_sha256"] == fields[0].key
    assert (first["model_version"], first["model_sha256"]) == ("9.8.7", MODEL_SHA256)
    assert first["label"] == "Pre"
    assert float(first["probability_Pre"]) == pytest.approx(0.97)
    assert first["research_use"].startswith("Research use only")


def test_csv_runs_no_formula(fields: list[SmearField]):
    names = [row["file"] for row in rows(fields)]
    assert "'=cmd()|x.png" in names
    assert "血液 слайд é.png" in names


@pytest.mark.parametrize("name", ["  =1", "\n=1", "\u3000@x", "\uff1d1", "\ufeff+1"])
def test_csv_runs_no_formula_behind_blanks_or_in_full_width(fields: list[SmearField], name: str):
    fields[0].name = name
    assert rows(fields)[0]["file"].startswith("'")


def test_csv_gives_no_label_to_a_field_that_was_not_accepted():
    client = FakeClient()
    client.verdict = "uncertain"
    workspace = Workspace(limit_bytes=10_000)
    workspace.add("a.png", png())
    (row,) = rows(list(classification.classify(workspace.of("waiting"), client.predict, 1)))
    assert (row["verdict"], row["label"]) == ("uncertain", "")


def test_pdf_names_model_notice_and_every_field(fields: list[SmearField], report: Report):
    made = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    document = PdfReader(io.BytesIO(pdf.write(pdf.Specimen("Specimen <7> & co", fields, report, made))))
    pages = [page.extract_text() for page in document.pages]
    text = "\n".join(pages)
    assert len(pages) > 1
    assert all("Research use only" in page and f"Model 9.8.7, SHA-256 {MODEL_SHA256}" in page for page in pages)
    assert "Specimen <7> & co" in text
    assert "2026-01-02 03:04 UTC" in text
    assert all(field.key[:16] in text for field in fields)


@pytest.mark.parametrize("sufficient", [True, False])
def test_pdf_states_shares_only_with_sufficient_evidence(fields: list[SmearField], sufficient: bool):
    client = FakeClient()
    client.sufficient = sufficient
    report = client.report(field.answer for field in fields)
    document = PdfReader(io.BytesIO(pdf.write(pdf.Specimen("", fields, report, datetime.now(UTC)))))
    assert ("80 % to 100 %" in document.pages[0].extract_text().replace(NO_BREAK, " ")) is sufficient


def test_pdf_of_a_field_without_a_picture(report: Report, fields: list[SmearField]):
    fields[0].preview = None
    made = pdf.write(pdf.Specimen("", fields[:1], report, datetime.now(UTC)))
    assert made.startswith(b"%PDF-")
