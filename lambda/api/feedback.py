"""``POST /v1/feedback``: a reviewer's label for an answered request, kept once."""

import base64
import binascii
import hashlib
from datetime import UTC, datetime

import inference

from . import schemas
from .errors import InvalidRequest, parse
from .http import Incoming, Reply
from .models import identity
from .service import Service
from .uploads import uploaded_image

OTHER = "Other"
"""A field that is none of the model's labels."""


def create(service: Service, request: Incoming) -> Reply:
    """Store a label, and with consent the image, under the id of the request that they are about.

    The same feedback sent again is stored once and acknowledged again; another label, comment or image for the same
    request is kept beside it, since reviewers may differ.

    Raises
    ------
    InvalidRequest, UploadNotFound, inference.ImageError, NotOffered, StorageUnavailable
        What is wrong with the request, the image or the deployment.
    """
    given = parse(schemas.FeedbackRequest, request.body)
    classifier = service.classifier(request.query.get("model"))
    card = classifier.card
    if given.label not in (*card.labels, OTHER):
        raise _refused("label", f"is not one of {', '.join(card.labels)}, {OTHER}")
    store = service.feedback()
    image = _consented_image(service, given)
    picture = None if image is None else inference.read_image(image, max_pixels=service.settings.max_pixels)
    content = given.model_copy(update={"image_base64": None, "upload_id": None})
    digest = hashlib.sha256(f"{content.model_dump_json()}{picture and picture.sha256}".encode()).hexdigest()
    folder = f"feedback/{given.request_id}"
    # The image first: a record that was acknowledged never points at nothing.
    if image is not None and picture is not None:
        store.write(f"{folder}/{picture.sha256}.{picture.format.lower()}", image, f"image/{picture.format.lower()}")
    record = FeedbackRecord(
        **content.model_dump(exclude={"image_base64", "upload_id"}),
        image_sha256=None if picture is None else picture.sha256,
        model=identity(classifier),
        received_at=datetime.now(UTC),
    )
    new = store.write_once(f"{folder}/{digest}.json", record.model_dump_json().encode(), "application/json")
    receipt = schemas.FeedbackReceipt(
        request_id=given.request_id, label=given.label, image_kept=image is not None, already_stored=not new
    )
    return Reply(201 if new else 200, receipt)


class FeedbackRecord(schemas.Answer):
    """What is kept of one feedback; training reads these."""

    request_id: str
    label: str
    reviewer: str | None
    comment: str | None
    consent: bool
    image_sha256: str | None
    model: schemas.ModelIdentity
    received_at: datetime


def _consented_image(service: Service, given: schemas.FeedbackRequest) -> bytes | None:
    if given.image_base64 is None and given.upload_id is None:
        return None
    if not given.consent:
        raise _refused("consent", "must be true for an image to be kept; leave the image out to send the label alone")
    if given.upload_id is not None:
        if given.image_base64 is not None:
            raise _refused("upload_id", "names an image, and image_base64 holds another: send one")
        return uploaded_image(service, given.upload_id)
    try:
        return base64.b64decode(str(given.image_base64), validate=True)
    except (binascii.Error, ValueError):
        raise _refused("image_base64", "is not base64") from None


def _refused(field: str, message: str) -> InvalidRequest:
    return InvalidRequest(f"{field} {message}.", errors=[schemas.FieldError(field=field, message=message)])
