import csv
import io
import json
from datetime import UTC, datetime

import pytest
from fhir.resources.R4B.bundle import Bundle
from pypdf import PdfReader

from frontend.documents import fhir, pdf, table
from frontend.documents.specimen import Specimen
from frontend.wording import NO_BREAK
from frontend.workspace import Review, Workspace
from frontend.workspaces import Desk, Workspaces
from tests.unit.frontend.conftest import MODEL_SHA256, FakeClient, png

MADE = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def classified(client: FakeClient, *names: str) -> Desk:
    desk = Workspaces(60, 10_000_000).enter("token", "", 10_000_000)
    desk.batch.connect(client, 2)
    for number, name in enumerate(names):
        desk.workspace.add(name, png((number, 0, 0)))
    desk.batch.start()
    desk.batch.wait()
    return desk


@pytest.fixture(scope="module")
def many() -> Workspace:
    return classified(
        FakeClient(), "=cmd()|x.png", "血液 слайд é.png", *("c" * 90 + str(n) for n in range(40))
    ).workspace


def specimen(workspace: Workspace, client: FakeClient | None = None) -> Specimen:
    report = (client or FakeClient()).report(field.answer for field in workspace.reported())
    return Specimen.of(workspace, report, MADE)


def rows(workspace: Workspace) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.write(workspace.reported()).decode("utf-8-sig"))))


def text_of(document: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(document)).pages).replace(NO_BREAK, " ")


def test_csv_has_a_row_a_field_that_traces_back_to_image_and_model(many: Workspace):
    first, fields = rows(many)[0], many.reported()
    assert len(rows(many)) == len(fields)
    assert first["image_sha256"] == fields[0].key
    assert (first["model_version"], first["model_sha256"]) == ("9.8.7", MODEL_SHA256)
    assert (first["triage"], first["label"]) == ("malignant", "Pre")
    assert float(first["probability_Pre"]) == pytest.approx(0.97)
    assert first["research_use"].startswith("Research use only")


def test_csv_runs_no_formula(many: Workspace):
    names = [row["file"] for row in rows(many)]
    assert "'=cmd()|x.png" in names
    assert "血液 слайд é.png" in names


@pytest.mark.parametrize("name", ["  =1", "\n=1", "\u3000@x", "\uff1d1", "\ufeff+1"])
def test_csv_runs_no_formula_behind_blanks_or_in_full_width(name: str):
    workspace = classified(FakeClient(), name).workspace
    assert rows(workspace)[0]["file"].startswith("'")


def test_csv_has_the_reader_with_what_they_said():
    workspace = classified(FakeClient(), "a.png").workspace
    (key,) = workspace.fields
    workspace.set_review(key, Review("Pro", "A. B.", "=1+1", at=MADE))
    (row,) = rows(workspace)
    assert (row["reader_label"], row["reader"], row["reader_comment"]) == ("Pro", "A. B.", "'=1+1")
    assert (row["reader_time"], row["stored"]) == ("2026-01-02T03:04:00Z", "no")


@pytest.mark.parametrize("verdict", ["uncertain", "out_of_distribution"])
def test_csv_gives_no_label_to_a_field_that_was_not_accepted(verdict: str):
    client = FakeClient()
    client.verdict = verdict
    (row,) = rows(classified(client, "a.png").workspace)
    assert (row["verdict"], row["triage"], row["label"]) == (verdict, "", "")
    assert (row["malignant_probability"] == "") is (verdict == "out_of_distribution")


def test_pdf_names_model_notice_and_every_field(many: Workspace):
    many.specimen = "Specimen <7> & co"
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(pdf.write(specimen(many)))).pages]
    text = "\n".join(pages)
    assert len(pages) > 1
    assert all("Research use only" in page and f"Model 9.8.7, SHA-256 {MODEL_SHA256}" in page for page in pages)
    assert "Specimen <7> & co" in text
    assert "2026-01-02 03:04 UTC" in text
    assert "Malignant: seen in 42 of 42 fields" in text
    assert all(key[:16] in "".join(text.split()) for key in many.fields)


def test_pdf_says_what_was_not_read():
    desk = classified(FakeClient(), "a.png")
    desk.workspace.add("words.txt", b"no image")
    desk.batch.start()
    desk.batch.wait()
    desk.workspace.announce("file-0001", "huge.png", 10**9)
    text = " ".join(text_of(pdf.write(specimen(desk.workspace))).split())
    assert "3 dropped: 1 read, 1 refused, 1 too large" in text
    assert "words.txt" in text
    assert "huge.png" in text


def test_pdf_shows_what_a_reader_said():
    workspace = classified(FakeClient(), "a.png").workspace
    (key,) = workspace.fields
    workspace.set_review(key, Review("Benign", "A. B."))
    text = " ".join(text_of(pdf.write(specimen(workspace))).split())
    assert "benign A. B." in text
    assert "No finding: too few fields" in text


def test_pdf_writes_chinese_and_cyrillic_and_says_where_letters_are_missing():
    workspace = classified(FakeClient(), "слайд.png").workspace
    workspace.specimen = "血液 7 ชื่อ"
    text = text_of(pdf.write(specimen(workspace)))
    assert "血液" in text
    assert "слайд.png" in text
    assert "[letters of another script: see the CSV]" in text
    assert "?" not in text


def test_pdf_has_names_that_run_from_right_to_left():
    workspace = classified(FakeClient(), "משטח 12.png").workspace
    workspace.specimen = "מטופל"
    text = text_of(pdf.write(specimen(workspace)))
    assert "מטופל" in text  # pypdf puts Hebrew back into the order in which it is read
    assert "משטח.png" in text
    assert "[letters" not in text


@pytest.mark.parametrize(("paper", "width"), [("A4", 595), ("Letter", 612)])
def test_pdf_fits_the_paper(many: Workspace, paper: str, width: int):
    (page, *_) = PdfReader(io.BytesIO(pdf.write(specimen(many), paper))).pages
    assert round(page.mediabox.width) == width


@pytest.mark.parametrize("sufficient", [True, False])
def test_pdf_states_shares_only_with_sufficient_evidence(many: Workspace, sufficient: bool):
    client = FakeClient()
    client.sufficient = sufficient
    assert ("80 % to 100 %" in text_of(pdf.write(specimen(many, client)))) is sufficient


def test_pdf_of_a_field_without_a_picture():
    workspace = classified(FakeClient(), "a.png").workspace
    next(iter(workspace.fields.values())).preview = None
    assert pdf.write(specimen(workspace)).startswith(b"%PDF-")


def test_fhir_is_valid_and_names_no_patient(many: Workspace):
    many.specimen, many.reviewer = "Case 12/ü", "A. B."
    (key, *_) = many.fields
    many.set_review(key, Review("Pro", "A. B."))
    written = fhir.write(specimen(many))
    bundle = Bundle.model_validate_json(written)
    kinds = [entry.resource.get_resource_type() for entry in bundle.entry]
    assert (kinds.count("DiagnosticReport"), kinds.count("Observation"), kinds.count("Media")) == (1, 42, 42)
    report = bundle.entry[0].resource
    assert report.conclusion.startswith("Malignant: seen in 42 of 42 fields.")
    assert report.subject is None
    assert b"Patient" not in written
    assert b"pro-B" in written


def test_fhir_refers_only_to_what_it_holds(many: Workspace):
    told = json.loads(fhir.write(specimen(many)))
    held = {entry["fullUrl"] for entry in told["entry"]}

    def references(node: object) -> list[str]:
        if isinstance(node, dict):
            own = [node["reference"]] if "reference" in node else []
            return own + [found for value in node.values() for found in references(value)]
        return [found for value in node for found in references(value)] if isinstance(node, list) else []

    assert set(references(told)) <= held
