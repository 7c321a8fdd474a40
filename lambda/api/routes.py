"""Which function answers which route: the table that the resolver and the OpenAPI document are made from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from pydantic import BaseModel

from . import errors, feedback, model, models, predictions, reports, schemas, uploads
from .http import Incoming, Reply
from .service import Service

Endpoint: TypeAlias = Callable[[Service, Incoming], BaseModel | Mapping[str, Any] | Reply]


@dataclass(frozen=True)
class QueryParameter:
    """A query parameter with a value: its name, what it does, and its JSON schema."""

    name: str
    what: str
    schema: Mapping[str, Any]


@dataclass(frozen=True)
class Route:
    """One method of one path.

    Attributes
    ----------
    endpoint
        Answers it.
    summary
        One line for the document.
    answer
        Schema of what it answers; None for a document of its own.
    body
        Schema of what it takes as JSON; None where it takes none, or an image beside it.
    statuses
        Of its good answers.
    flags
        Its boolean query parameters, with what each does.
    query
        Its other query parameters.
    problems
        What it can refuse with, beyond what every route can.
    """

    method: str
    path: str
    endpoint: Endpoint
    summary: str
    answer: type[BaseModel] | None
    body: type[BaseModel] | None = None
    statuses: Mapping[int, str] = field(default_factory=lambda: {200: "The answer"})
    flags: Mapping[str, str] = field(default_factory=dict)
    query: tuple[QueryParameter, ...] = ()
    problems: tuple[type[errors.ApiError], ...] = ()
    takes_image: bool = False


_OF_A_BODY: Final = (errors.NothingToRead, errors.InvalidRequest, errors.TooLarge)
_OF_AN_IMAGE: Final = (errors.UnsupportedType, errors.UnreadableImage, errors.ImageTooSmall)
_OF_A_STORE: Final = (errors.NotOffered, errors.StorageUnavailable)
_OF_A_MODEL: Final = (errors.ModelNotFound, errors.ModelUnavailable)

_MODEL: Final = QueryParameter("model", "Which of GET /v1/models; the default without it.", {"type": "string"})
_PIXEL_SIZE: Final = QueryParameter(
    "microns_per_pixel",
    "Size of a pixel of the image, where it is known: the field is brought to the trained magnification by it.",
    {"type": "number", "minimum": schemas.MICRONS_PER_PIXEL[0], "maximum": schemas.MICRONS_PER_PIXEL[1]},
)

ROUTES: Final = (
    Route(
        "POST",
        "/v1/predictions",
        predictions.predict,
        "Classify one field: an image's bytes, a form with the image in field `file`, or an upload's id",
        schemas.Prediction,
        body=schemas.StoredImage,
        flags={"explain": "Add the heat map of the most probable label."},
        query=(_MODEL, _PIXEL_SIZE),
        problems=(*_OF_A_BODY, *_OF_AN_IMAGE, errors.UploadNotFound, *_OF_A_STORE, *_OF_A_MODEL),
        takes_image=True,
    ),
    Route(
        "POST",
        "/v1/uploads",
        uploads.create,
        "Get a presigned S3 POST for one image that is too large for a request body",
        schemas.UploadTicket,
        body=schemas.UploadRequest,
        statuses={201: "Where to put the file, until when"},
        problems=(*_OF_A_BODY, errors.NotJson, *_OF_A_STORE),
    ),
    Route(
        "POST",
        "/v1/feedback",
        feedback.create,
        "Keep a reviewer's label for an answered request, and with consent the image",
        schemas.FeedbackReceipt,
        body=schemas.FeedbackRequest,
        statuses={201: "Stored", 200: "The same feedback was stored before"},
        query=(_MODEL,),
        problems=(*_OF_A_BODY, errors.NotJson, *_OF_AN_IMAGE, errors.UploadNotFound, *_OF_A_STORE, *_OF_A_MODEL),
    ),
    Route(
        "POST",
        "/v1/reports",
        reports.create,
        "Aggregate the predictions of one specimen's fields",
        schemas.Report,
        body=schemas.ReportRequest,
        problems=(*_OF_A_BODY, errors.NotJson, errors.ModelUnavailable),
    ),
    Route(
        "GET",
        "/v1/model",
        models.describe,
        "Read a model's card",
        schemas.ModelSummary,
        query=(_MODEL,),
        problems=_OF_A_MODEL,
    ),
    Route("GET", "/v1/models", models.list_all, "List the models of this service", schemas.ModelList),
    Route(
        "GET",
        "/v1/health",
        model.health,
        "Ask whether the service lives and holds its model",
        schemas.Health,
        flags={"deep": "Run the model once."},
        problems=(errors.InvalidRequest, errors.ModelUnavailable),
    ),
)
