"""``POST /v1/reports``: what the predictions of one specimen's fields amount to."""

from dataclasses import asdict

from inference import ModelCard
from inference.specimen import LIMITS, MINIMUM_ACCEPTED_FIELDS, FieldAnswer, summarise

from . import schemas
from .answers import identity
from .errors import InvalidRequest, parse
from .http import Incoming
from .service import Service


def create(service: Service, request: Incoming) -> schemas.Report:
    """Aggregate predictions; stores nothing.

    Raises
    ------
    InvalidRequest
        For a label that the model does not have, a known field without its label, or predictions of another model.
    """
    report_request = parse(schemas.ReportRequest, request.body)
    classifier = service.models.of_digest(report_request.model_sha256)
    if classifier is None:
        raise InvalidRequest("The predictions are of another model than the service runs: predict again.")
    card = classifier.card
    if {field.label for field in report_request.fields} - {None, *card.labels}:
        raise InvalidRequest(f"The model has labels {', '.join(card.labels)}; the request also has others.")
    distinct = {field.image_sha256: _field_answer(field, card) for field in report_request.fields}
    specimen = summarise(list(distinct.values()), card.labels)
    return schemas.Report(
        evidence="sufficient" if specimen.sufficient else "insufficient",
        reason=specimen.reason,
        minimum_accepted_fields=MINIMUM_ACCEPTED_FIELDS,
        fields=specimen.fields,
        duplicates=len(report_request.fields) - specimen.fields,
        accepted=specimen.verdicts["accepted"],
        uncertain=specimen.verdicts["uncertain"],
        out_of_distribution=specimen.verdicts["out_of_distribution"],
        patterns_accepted=specimen.patterns_accepted,
        labels={label: schemas.Share(**asdict(share)) for label, share in specimen.labels.items()},
        malignant=None if specimen.malignant is None else schemas.Share(**asdict(specimen.malignant)),
        limits=LIMITS,
        model=identity(classifier),
        request_id=request.request_id,
    )


def _field_answer(field: schemas.ReportField, card: ModelCard) -> FieldAnswer:
    """Read both levels of a field; an older caller sends no triage, and the side is that of the label."""
    if field.label is None and field.verdict != "out_of_distribution":
        raise InvalidRequest("fields: label may be left out only where the verdict is out_of_distribution.")
    if not card.has_triage:
        return FieldAnswer(field.label, field.verdict)
    if field.triage is None:
        side = next((spec.triage for spec in card.classes if spec.id == field.label), None)
        known = "uncertain" if side is None and field.verdict == "accepted" else field.verdict
        return FieldAnswer(field.label, field.verdict, side, known)
    if field.triage.verdict == "accepted" and field.triage.result is None:
        raise InvalidRequest("fields: an accepted triage needs its result.")
    return FieldAnswer(field.label, field.verdict, field.triage.result, field.triage.verdict)
