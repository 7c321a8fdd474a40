"""``POST /v1/reports``: what the predictions of one specimen's fields amount to."""

from dataclasses import asdict

from inference.specimen import MINIMUM_ACCEPTED_FIELDS, summarise

from . import schemas
from .errors import InvalidRequest, parse
from .http import Incoming
from .service import Service


def create(service: Service, request: Incoming) -> schemas.Report:
    """Aggregate predictions; stores nothing.

    Raises
    ------
    InvalidRequest
        For a label that the model does not have, or predictions of another model.
    """
    given = parse(schemas.ReportRequest, request.body)
    card = service.classifier().card
    if given.model_sha256 != card.sha256:
        raise InvalidRequest("The predictions are of another model file than the service runs: predict again.")
    unknown = sorted({field.label for field in given.fields} - set(card.labels))
    if unknown:
        raise InvalidRequest(f"The model has labels {', '.join(card.labels)}; the request also has others.")
    distinct = {field.image_sha256: (field.label, field.verdict) for field in given.fields}
    specimen = summarise(list(distinct.values()), card.labels, card.malignant_labels)
    return schemas.Report(
        evidence="sufficient" if specimen.sufficient else "insufficient",
        reason=specimen.reason,
        minimum_accepted_fields=MINIMUM_ACCEPTED_FIELDS,
        fields=specimen.fields,
        duplicates=len(given.fields) - specimen.fields,
        accepted=specimen.verdicts["accepted"],
        uncertain=specimen.verdicts["uncertain"],
        out_of_distribution=specimen.verdicts["out_of_distribution"],
        labels={label: schemas.Share(**asdict(share)) for label, share in specimen.labels.items()},
        malignant=None if specimen.malignant is None else schemas.Share(**asdict(specimen.malignant)),
        model=schemas.ModelIdentity(version=card.version, sha256=card.sha256),
        request_id=request.request_id,
    )
