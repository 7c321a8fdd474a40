"""The facts about a specimen: one set for page, PDF and FHIR."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from api.schemas import Report
from frontend import finding
from frontend.finding import ClassWords, Finding
from frontend.ledger import Ledger
from frontend.translation import _
from frontend.workspace import SmearField, Workspace


@dataclass(frozen=True)
class Specimen:
    """What a report is of: the reader's own name for it, its fields, and what was made of them.

    Attributes
    ----------
    fields
        Answered fields, those that decide first.
    unread
        Name and reason of every file that is in no count.
    """

    name: str
    reviewer: str
    stain: str
    pixel_um: float | None
    fields: Sequence[SmearField]
    findings: Sequence[Finding]
    report: Report
    ledger: Ledger
    unread: Sequence[tuple[str, str]]
    left_out: int
    classes: Sequence[ClassWords]
    made_at: datetime

    @classmethod
    def of(cls, workspace: Workspace, report: Report, made_at: datetime) -> Self:
        """Put together what a workspace holds.

        Parameters
        ----------
        workspace : Workspace
            With at least one answered field that is not left out.
        report : Report
            The API's sum over just these fields.
        made_at : datetime
            Time of the report.
        """
        with workspace.lock:
            readings = [
                (field, finding.read(field.answer, workspace.card_of(field.answer))) for field in workspace.reported()
            ]
            readings.sort(key=lambda pair: (pair[1].rank, pair[0].number))
            return cls(
                name=workspace.specimen,
                reviewer=workspace.reviewer,
                stain=workspace.stain,
                pixel_um=workspace.pixel_um,
                fields=[field for field, _reading in readings],
                findings=[reading for _field, reading in readings],
                report=report,
                ledger=workspace.ledger(),
                unread=workspace.unread(),
                left_out=len(workspace.of("answered")) - len(readings),
                classes=finding.with_own(
                    finding.classes(workspace.card_of(readings[0][0].answer), readings[0][0].answer),
                    workspace.own_classes,
                ),
                made_at=made_at,
            )

    @property
    def deciding(self) -> list[tuple[SmearField, Finding]]:
        """Fields with their findings, those that decide first."""
        return list(zip(self.fields, self.findings, strict=True))

    @property
    def counts(self) -> dict[str, int]:
        """Fields by finding, as readers left them, in the order in which they need eyes."""
        counts: dict[str, int] = {}
        for field, reading in self.deciding:
            title = self.title_of(field, reading)
            counts[title] = counts.get(title, 0) + 1
        return counts

    def title_of(self, field: SmearField, reading: Finding) -> str:
        """Name a field's finding: what a reader said goes before what the model said."""
        side = self._side(field, reading)
        return {"malignant": _("Malignant"), "benign": _("Benign")}.get(side, reading.title)

    def _side(self, field: SmearField, reading: Finding) -> str:
        if field.review is None:
            return reading.kind
        triage = next((known.triage for known in self.classes if known.label == field.review.label), None)
        return triage or reading.kind

    def _count(self, side: str) -> int:
        return sum(self._side(field, reading) == side for field, reading in self.deciding)

    @property
    def corrected(self) -> list[SmearField]:
        """Fields whose reader said otherwise than the model's accepted pattern, or where it had none."""
        return [field for field in self.fields if field.review and field.review.label != accepted_label(field)]

    @property
    def headline(self) -> str:
        """Say the finding over all fields. A malignant field is never hidden by how few there are."""
        malignant, fields = self._count("malignant"), len(self.fields)
        if malignant:
            return _("Malignant: seen in {count} of {fields} fields").format(count=malignant, fields=fields)
        if self.report.evidence == "insufficient":
            return _("No finding: too few fields")
        if not self._count("benign"):
            return _("No finding: no field could be decided")
        return _("No malignant field among {fields}").format(fields=fields)

    @property
    def basis(self) -> str:
        """Say what the finding rests on."""
        sentences = [
            _("Fields: {fields}; read by a person: {read}; labelled otherwise than by the model: {corrected}.").format(
                fields=len(self.fields),
                read=sum(field.review is not None for field in self.fields),
                corrected=len(self.corrected),
            ),
            _("Files: {ledger}.").format(ledger=self.ledger.in_words()),
        ]
        if self.left_out:
            sentences.append(_("Left out: {count}.").format(count=self.left_out))
        return " ".join(sentences)

    @property
    def warnings(self) -> list[str]:
        """Say what should make a reader doubt the report."""
        warnings = []
        patterns = sorted({name for field in self.fields if (name := self._malignant_pattern(field))})
        if len(patterns) > 1:
            warnings.append(
                _(
                    "The fields show different malignant patterns: {patterns}. One smear seldom shows more than one: "
                    "check that all fields are of this specimen."
                ).format(patterns=", ".join(patterns))
            )
        drawn = sum(field.synthetic for field in self.fields)
        if drawn:
            warnings.append(_("Synthetic, drawn by a program and of no patient: {count}.").format(count=drawn))
        return warnings

    def _malignant_pattern(self, field: SmearField) -> str:
        label = field.review.label if field.review else accepted_label(field)
        return next((known.name for known in self.classes if known.label == label and known.triage == "malignant"), "")


def accepted_label(field: SmearField) -> str | None:
    """Give the label that the model stands by; None where it does not."""
    decision = field.answer.prediction
    return decision.label if decision.verdict == "accepted" else None
