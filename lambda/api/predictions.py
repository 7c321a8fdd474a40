"""``POST /v1/predictions``: an image in, the calibrated answer out."""

from . import schemas
from .answers import as_prediction
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
    microns_per_pixel = request.number("microns_per_pixel", *schemas.MICRONS_PER_PIXEL)
    image = image_of(service, request)
    classifier = service.classifier(request.query.get("model"))
    answer = classifier.predict(
        image, explain=explain, max_pixels=service.settings.max_pixels, microns_per_pixel=microns_per_pixel
    )
    service.answered.note(request.request_id)
    cold_start = service.cold_start.take()
    audit(answer, classifier, request.request_id, size_bytes=len(image), cold_start=cold_start)
    measure(answer, cold_start=cold_start)
    return as_prediction(answer, classifier, request.request_id)


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
