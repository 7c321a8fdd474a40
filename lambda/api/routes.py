"""Which function answers which route: the one table that the resolver and the OpenAPI document are made from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pydantic import BaseModel

from . import feedback, model, predictions, reports, uploads
from .event import Incoming
from .reply import Reply
from .service import Service

Endpoint: TypeAlias = Callable[[Service, Incoming], BaseModel | Mapping[str, Any] | Reply]


@dataclass(frozen=True)
class Route:
    """One method of one path."""

    method: str
    path: str
    endpoint: Endpoint


ROUTES: Final = (
    Route("POST", "/v1/predictions", predictions.predict),
    Route("POST", "/v1/uploads", uploads.create),
    Route("POST", "/v1/feedback", feedback.create),
    Route("POST", "/v1/reports", reports.create),
    Route("GET", "/v1/model", model.describe),
    Route("GET", "/v1/health", model.health),
)
