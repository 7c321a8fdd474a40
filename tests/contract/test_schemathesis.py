"""Generated requests, good and bad, to every route of the document: no 5xx, and every answer as described."""

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis import GenerationMode, checks
from starlette.applications import Starlette
from starlette.routing import Mount

from api.app import Application
from api.openapi import ALL_ROUTES
from api.routes import Route
from local.gateway import Gateway

REQUESTS = 40  # a route and mode; bounded for CI, raise it for a longer hunt

UNFIT = [
    # A generated string is a valid body of type image/png to the document, and no image to a decoder.
    checks.positive_data_acceptance,  # type: ignore[attr-defined]
    # A query parameter that the document does not have is passed over, as HTTP has it.
    checks.negative_data_rejection,  # type: ignore[attr-defined]
]


@pytest.fixture(scope="module")
def described(application: Application) -> Iterator[Any]:
    """Give the served document, with the API behind a laptop's gateway."""
    gateway = Gateway(application)
    yield schemathesis.openapi.from_asgi("/openapi.json", Starlette(routes=[Mount("/", gateway)]))
    gateway.close()


# A route that takes neither a parameter nor a body cannot be asked wrongly.
CASES = [
    pytest.param(route, mode, id=f"{route.method} {route.path} {mode.value}")
    for route in ALL_ROUTES
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or route.flags or route.body
]


@pytest.mark.parametrize(("route", "mode"), CASES)
def test_every_answer_is_as_the_document_says(described: Any, route: Route, mode: GenerationMode) -> None:
    operation = described[route.path][route.method]

    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    @hypothesis.settings(
        max_examples=REQUESTS,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    def answers(case: schemathesis.Case) -> None:
        case.call_and_validate(excluded_checks=UNFIT)

    answers()
