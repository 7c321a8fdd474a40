"""The HTTP service: routes an API Gateway v2 event and answers, errors included, in JSON."""

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any, Final

from pydantic import BaseModel
from settings import Settings

from . import observe
from .errors import ApiError, MethodNotAllowed, NotFound, as_api_error, as_problem
from .http import Incoming, Reply, read_event, request_id_of
from .openapi import ALL_ROUTES
from .routes import Endpoint
from .service import Service


@contextmanager
def _without_its_siblings(package: str) -> Iterator[None]:
    """Let modules of a package be imported without running the package's own ``__init__``.

    Powertools' HTTP resolver alone: its package would bring eight other services' and asyncio into a cold start.
    Afterwards whoever imports the package gets all of it.
    """
    spec = importlib.util.find_spec(package)
    if package in sys.modules or spec is None:  # there already, or the import below says what is missing
        yield
        return
    sys.modules[package] = importlib.util.module_from_spec(spec)
    try:
        yield
    finally:
        del sys.modules[package]


with _without_its_siblings("aws_lambda_powertools.event_handler"):
    from aws_lambda_powertools.event_handler.api_gateway import APIGatewayHttpResolver, Response

JSON: Final = "application/json"
PROBLEM_JSON: Final = "application/problem+json"
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Application:
    """The whole API of one process; call it with an event.

    Parameters
    ----------
    settings
        Of this deployment. The model is loaded at once.

    Attributes
    ----------
    service
        The loaded model and the stores.
    """

    def __init__(self, settings: Settings) -> None:
        self.service = Service(settings)
        # Debugging would print whole events, images included.
        self._resolver = APIGatewayHttpResolver(debug=False)
        self._resolver.not_found(self._no_route)
        self._resolver.exception_handler(Exception)(self._refuse)
        self._methods: dict[str, list[str]] = {}
        for route in ALL_ROUTES:
            self._methods.setdefault(route.path, []).append(route.method)
            self._resolver.route(route.path, method=route.method)(self._answerer(route.endpoint))
        # Powertools keeps the current event on a class, so one process resolves one event at a time, as in Lambda.
        self._lock = Lock()
        self._request_id = ""

    def __call__(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """Answer one event.

        Parameters
        ----------
        event
            API Gateway HTTP API event, payload format 2.0.
        context
            Lambda's; unused by the routes.

        Returns
        -------
        dict
            ``statusCode``, ``headers``, ``body``.
        """
        with self._lock:
            self._request_id = request_id_of(event)
            return self._resolver.resolve(event, context)

    def _answerer(self, endpoint: Endpoint) -> Callable[[], Response[str]]:
        def answer() -> Response[str]:
            event = self._resolver.current_event.raw_event
            limit = self.service.settings.max_body_bytes
            request: Incoming = read_event(event, self._request_id, limit)
            reply = endpoint(self.service, request)
            status, body = (reply.status, reply.body) if isinstance(reply, Reply) else (200, reply)
            return _respond(status, JSON, body)

        return answer

    def _no_route(self, _: Exception) -> Response[str]:
        path = self._resolver.current_event.path
        methods = self._methods.get(path)
        if methods:
            allow = ", ".join(sorted(methods))
            return self._refuse(MethodNotAllowed(f"This route takes {allow}.", allow=allow))
        return self._refuse(NotFound("There is no such route: GET /openapi.json lists all."))

    def _refuse(self, error: Exception) -> Response[str]:
        told = as_api_error(error)
        if type(told) is ApiError:
            observe.report_failure(error, self._request_id)
        else:
            observe.report_refusal(told.name, told.status, self._request_id)
        headers = {"Allow": told.allow} if told.allow else {}
        return _respond(told.status, PROBLEM_JSON, as_problem(told, self._request_id), headers)


def _respond(
    status: int, content_type: str, body: BaseModel | Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response[str]:
    text = body.model_dump_json() if isinstance(body, BaseModel) else json.dumps(body)
    return Response(status, content_type, text, headers={**_HEADERS, **(headers or {})})
