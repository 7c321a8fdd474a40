"""Which function answers which route: the one table that the resolver and the OpenAPI document are made from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pydantic import BaseModel

from . import model, predictions
from .event import Incoming
from .service import Service


@dataclass(frozen=True)
class Reply:
    """An answer with a status other than 200."""

    status: int
    body: BaseModel


Endpoint: TypeAlias = Callable[[Service, Incoming], BaseModel | Mapping[str, Any] | Reply]


@dataclass(frozen=True)
class Route:
    """One method of one path."""

    method: str
    path: str
    endpoint: Endpoint


ROUTES: Final = (
    Route("POST", "/v1/predictions", predictions.predict),
    Route("GET", "/v1/model", model.describe),
    Route("GET", "/v1/health", model.health),
)
