"""Everything that can go wrong with a request, and the one place where it becomes HTTP (RFC 9457)."""

# ruff: noqa: N818 - the names say what went wrong

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

import inference

from .schemas import PROBLEM_TYPE_PREFIX, FieldError, Problem

_Body = TypeVar("_Body", bound=BaseModel)
MAX_ERRORS_TOLD = 20
MAX_FIELD_CHARACTERS = 100


class ApiError(Exception):
    """Base of errors that a caller sees, with a stable name, title and status."""

    name = "internal"
    title = "Something failed in the service"
    status = 500

    def __init__(
        self, detail: str, *, errors: list[FieldError] | None = None, allow: str = "", reason: str | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors or []
        self.allow = allow
        self.reason = reason


class NothingToRead(ApiError):
    """The request holds nothing to read."""

    name, title, status = "nothing-to-read", "The request holds nothing to read", 400


class InvalidRequest(ApiError):
    """A body, field or query parameter is not as the schema says."""

    name, title, status = "invalid-request", "The request is not as the API describes it", 400


class NotFound(ApiError):
    """No such route."""

    name, title, status = "not-found", "There is no such route", 404


class UploadNotFound(ApiError):
    """No such upload, or it has expired."""

    name, title, status = "upload-not-found", "There is no such upload", 404


class ModelNotFound(ApiError):
    """No model of that name."""

    name, title, status = "model-not-found", "There is no such model", 404


class NotOffered(ApiError):
    """The deployment has no place to store what the route needs."""

    name, title, status = "not-offered", "This deployment does not offer that", 404


class MethodNotAllowed(ApiError):
    """The route exists, with other methods."""

    name, title, status = "method-not-allowed", "The route does not take this method", 405


class TooLarge(ApiError):
    """Too many bytes or pixels."""

    name, title, status = "too-large", "The image or body is too large", 413


class UnsupportedType(ApiError):
    """Not an image type that is read here."""

    name, title, status = "unsupported-type", "Not an image type that is read here", 415


class NotJson(ApiError):
    """A route that reads JSON got another type."""

    name, title, status = "not-json", "The route reads JSON", 415


class UnreadableImage(ApiError):
    """No decoder accepts the bytes."""

    name, title, status = "unreadable-image", "The image cannot be decoded", 422


class ImageTooSmall(ApiError):
    """Too few pixels to see a cell."""

    name, title, status = "image-too-small", "The image is too small", 422


class ModelUnavailable(ApiError):
    """The model cannot be loaded."""

    name, title, status = "model-unavailable", "The model cannot be loaded", 503


class StorageUnavailable(ApiError):
    """Object storage did not answer."""

    name, title, status = "storage-unavailable", "Storage did not answer", 503


KINDS: tuple[type[ApiError], ...] = (
    NothingToRead,
    InvalidRequest,
    NotFound,
    UploadNotFound,
    ModelNotFound,
    NotOffered,
    MethodNotAllowed,
    TooLarge,
    UnsupportedType,
    NotJson,
    UnreadableImage,
    ImageTooSmall,
    ModelUnavailable,
    StorageUnavailable,
    ApiError,
)
"""Every kind of problem that the service answers with; docs/api.md lists them."""

_FROM_INFERENCE: Mapping[type[Exception], type[ApiError]] = {
    inference.EmptyImage: NothingToRead,
    inference.NotAnImage: UnsupportedType,
    inference.UnreadableImage: UnreadableImage,
    inference.ImageTooSmall: ImageTooSmall,
    inference.ImageTooLarge: TooLarge,
    inference.ModelError: ModelUnavailable,
}


def as_api_error(error: Exception) -> ApiError:
    """Name any error in the API's terms.

    Parameters
    ----------
    error
        Whatever was raised while a request was answered.

    Returns
    -------
    ApiError
        Its own kind; the base kind, which tells the caller nothing of the cause, for an error not foreseen.
    """
    if isinstance(error, ApiError):
        return error
    if isinstance(error, inference.DecoderUnavailable):
        return ApiError(str(error))  # a fault of the install, which whoever runs the service can mend
    kind = _FROM_INFERENCE.get(type(error))
    if kind is None:
        return ApiError("The service met an error that it did not foresee. Report it with the request_id.")
    return kind(str(error), reason=error.reason if isinstance(error, inference.ImageError) else None)


def as_problem(error: ApiError, request_id: str) -> Problem:
    """Describe an error as ``application/problem+json``.

    Returns
    -------
    Problem
        With the stable ``type`` of the error's kind.
    """
    return Problem(
        type=PROBLEM_TYPE_PREFIX + error.name,
        title=error.title,
        status=error.status,
        detail=error.detail,
        reason=error.reason,
        instance=f"urn:leukolens:request:{request_id}",
        request_id=request_id,
        errors=error.errors,
    )


def parse(schema: type[_Body], body: bytes) -> _Body:
    """Read a JSON body.

    Parameters
    ----------
    schema
        What it must be.
    body
        As sent.

    Returns
    -------
    pydantic.BaseModel
        An instance of ``schema``.

    Raises
    ------
    NothingToRead
        Without a body.
    InvalidRequest
        Tells which fields are wrong and how; never with their values, which may be an image.
    """
    if not body:
        raise NothingToRead("The body is empty: send JSON.")
    try:
        return schema.model_validate_json(body)
    except ValidationError as error:
        raise _invalid(error) from None


def _invalid(error: ValidationError) -> InvalidRequest:
    field_errors = [
        FieldError(field=".".join(map(str, e["loc"]))[:MAX_FIELD_CHARACTERS] or "body", message=e["msg"])
        for e in error.errors(include_input=False, include_url=False, include_context=False)[:MAX_ERRORS_TOLD]
    ]
    return InvalidRequest(f"{field_errors[0].field}: {field_errors[0].message}", errors=field_errors)
