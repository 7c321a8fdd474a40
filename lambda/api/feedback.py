"""``POST /v1/feedback``: a reviewer's label for an answered request, kept once."""

import base64
import binascii
import hashlib
from datetime import UTC, date, datetime, timedelta

import inference
from intake.without_metadata import without_metadata

from . import schemas
from .answers import identity
from .errors import InvalidRequest, parse
from .http import Incoming, Reply
from .schemas import OTHER
from .service import Service
from .uploads import uploaded_image


def create(service: Service, request: Incoming) -> Reply:
    """Store a label, and with consent the image, under the id of the request that they are about.

    The same feedback sent again is stored once and acknowledged again; another label, comment or image for the same
    request is kept beside it, since reviewers may differ.

    Raises
    ------
    InvalidRequest, UploadNotFound, inference.ImageError, NotOffered, StorageUnavailable
        What is wrong with the request, the image or the deployment.
    """
    feedback = parse(schemas.FeedbackRequest, request.body)
    if not service.answered.holds(feedback.request_id):
        raise _refused("request_id", "is of no request that this service answered")
    classifier = service.classifier(request.query.get("model"))
    card = classifier.card
    if feedback.label not in (*card.labels, OTHER) and not feedback.own_class:
        raise _refused("label", f"is not one of {', '.join(card.labels)}, {OTHER}; own_class tells that it is your own")
    store = service.feedback()
    image = _consented_image(service, feedback)
    limit = service.settings.max_pixels
    picture = None if image is None else inference.read_image(image, max_pixels=limit)
    version = schemas.CONSENT_VERSION if feedback.consent else None  # left out, it is the text of the API's description
    content = feedback.model_copy(update={"image_base64": None, "upload_id": None, "consent_version": version})
    about = f"{content.model_dump_json()}{picture and picture.sha256}{request.subject}"
    digest = hashlib.sha256(about.encode()).hexdigest()
    folder = f"feedback/{feedback.request_id}"
    # The image first: a record that was acknowledged never points at nothing.
    kept_image = None
    if image is not None:
        pixels, kind = without_metadata(image, max_pixels=limit)
        kept_image = KeptImage(sha256=hashlib.sha256(pixels).hexdigest(), format=kind)
        store.write(f"{folder}/{kept_image.sha256}.{kind}", pixels, f"image/{kind}")
    now = datetime.now(UTC)
    record = FeedbackRecord(
        **content.model_dump(exclude={"image_base64", "upload_id"}),
        image_sha256=None if picture is None else picture.sha256,
        image=kept_image,
        model=identity(classifier),
        subject=request.subject,
        received_at=now,
        keep_until=(now + timedelta(days=service.settings.feedback_days)).date(),
    )
    new = store.write_once(f"{folder}/{digest}.json", record.model_dump_json().encode(), "application/json")
    receipt = schemas.FeedbackReceipt(
        request_id=feedback.request_id, label=feedback.label, image_kept=image is not None, already_stored=not new
    )
    return Reply(201 if new else 200, receipt)


class KeptImage(schemas.Answer):
    """The pixels that were kept, without metadata, beside the record as ``<sha256>.<format>``."""

    sha256: str
    format: str


class FeedbackRecord(schemas.Answer):
    """What is kept of one feedback; training reads these.

    Attributes
    ----------
    consent_version
        Of the text that the reviewer agreed to.
    image_sha256
        Of the file as it was sent, which the prediction names, too.
    image
        What was kept of it.
    subject
        Whose token it was; empty where the service asks for none.
    keep_until
        It is to be deleted after this day, or before, by ``erase``.
    """

    request_id: str
    label: str
    own_class: bool = False
    specimen: str | None = None
    reviewer: str | None
    comment: str | None
    consent: bool
    consent_version: str | None = None
    image_sha256: str | None
    image: KeptImage | None = None
    model: schemas.ModelIdentity
    subject: str = ""
    received_at: datetime
    keep_until: date | None = None


def _consented_image(service: Service, feedback: schemas.FeedbackRequest) -> bytes | None:
    if feedback.image_base64 is None and feedback.upload_id is None:
        return None
    if not feedback.consent:
        raise _refused("consent", "must be true for an image to be kept; leave the image out to send the label alone")
    if feedback.consent_version not in (None, schemas.CONSENT_VERSION):
        raise _refused("consent_version", f"must be {schemas.CONSENT_VERSION}, the text that is asked for now")
    if feedback.upload_id is not None:
        if feedback.image_base64 is not None:
            raise _refused("upload_id", "names an image, and image_base64 holds another: send one")
        return uploaded_image(service, feedback.upload_id)
    try:
        return base64.b64decode(str(feedback.image_base64), validate=True)
    except (binascii.Error, ValueError):
        raise _refused("image_base64", "is not base64") from None


def _refused(field: str, message: str) -> InvalidRequest:
    return InvalidRequest(f"{field} {message}.", errors=[schemas.FieldError(field=field, message=message)])
