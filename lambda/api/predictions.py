"""``POST /v1/predictions``: an image in, the calibrated answer out."""

import base64
from dataclasses import asdict

from inference import Answer, ModelCard

from . import schemas
from .errors import NothingToRead, UnsupportedType, parse
from .http import Incoming
from .observe import audit, measure
from .service import Service
from .uploads import uploaded_image


def predict(service: Service, request: Incoming) -> schemas.Prediction:
    """Classify the image of one request.

    Raises
    ------
    ApiError, inference.ImageError, inference.ModelError
        What is wrong with the request, the image or the model.
    """
    explain = request.flag("explain")
    image = image_of(service, request)
    classifier = service.classifier()
    answer = classifier.predict(image, explain=explain, max_pixels=service.settings.max_pixels)
    cold_start = service.cold_start.take()
    audit(answer, classifier.card, request.request_id, size_bytes=len(image), cold_start=cold_start)
    measure(answer, cold_start=cold_start)
    return as_prediction(answer, classifier.card, request.request_id)


def image_of(service: Service, request: Incoming) -> bytes:
    """Give the bytes of a request's image: its body, its form's file, or the upload that it names.

    The header only tells which of the three it is; the type of the image is told from its bytes.

    Raises
    ------
    NothingToRead, InvalidRequest, UnsupportedType, UploadNotFound, TooLarge
        What is wrong with the request.
    """
    if not request.body:
        raise NothingToRead("The body is empty: send the bytes of an image.")
    kind = request.media_type
    if kind == "multipart/form-data":
        from .multipart import file_field  # costs a raw body nothing

        return file_field(request.body, request.headers["content-type"])
    if kind == "application/json":
        upload_id = parse(schemas.StoredImage, request.body).upload_id
        return uploaded_image(service, upload_id)
    if kind and kind not in schemas.IMAGE_TYPES and not kind.startswith("image/"):
        raise UnsupportedType(
            f"Content-Type is not an image type: send {', '.join(schemas.IMAGE_TYPES)}, multipart/form-data with the "
            'image in field "file", or application/json with an upload_id.'
        )
    return request.body


def as_prediction(answer: Answer, card: ModelCard, request_id: str) -> schemas.Prediction:
    """Put an answer into the API's terms."""
    picture = answer.picture
    explanation = None
    if answer.heatmap_png is not None:
        explanation = schemas.Explanation(heatmap_png=base64.b64encode(answer.heatmap_png).decode("ascii"))
    return schemas.Prediction(
        prediction=schemas.Decision(label=answer.label, probability=answer.probability, verdict=answer.verdict),
        probabilities=answer.probabilities,
        malignant_probability=answer.malignant_probability,
        prediction_set=list(answer.prediction_set),
        out_of_distribution_score=answer.out_of_distribution_score,
        explanation=explanation,
        model=schemas.ModelIdentity(version=card.version, sha256=card.sha256),
        image=schemas.ImageFacts(
            sha256=picture.sha256,
            width=picture.width,
            height=picture.height,
            format=picture.format,
            frames=picture.frames,
            source=schemas.ImageOrigin(**asdict(picture.source)),
        ),
        notes=list(picture.notes),
        request_id=request_id,
    )
