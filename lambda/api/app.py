"""The HTTP service: routes an API Gateway v2 event and answers, errors included, in JSON."""

import importlib.util
import json
import re
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from typing import Any, Final

from pydantic import BaseModel
from settings import Settings

from . import observe
from .errors import ApiError, MethodNotAllowed, NotFound, NotJson, as_api_error, as_problem
from .events import answer_other, is_request
from .http import Incoming, Reply, read_event, request_id_of
from .openapi import ALL_ROUTES
from .routes import Route
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
            # The resolver takes a path for a regular expression, where a dot is any character.
            self._resolver.route(re.escape(route.path), method=route.method)(self._answerer(route))
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
        if not is_request(event):
            return answer_other(event, uuid.uuid4().hex)
        with self._lock:
            self._request_id = request_id_of(event)
            return self._resolver.resolve(event, context)

    def _answerer(self, route: Route) -> Callable[[], Response[str]]:
        def answer() -> Response[str]:
            event = self._resolver.current_event.raw_event
            limit = self.service.settings.max_body_bytes
            request: Incoming = read_event(event, self._request_id, limit)
            if route.body and not route.takes_image and request.body and request.media_type != JSON:
                # A browser sends any page's form as text/plain without asking; for JSON it asks, and is refused.
                raise NotJson(f"This route reads JSON: send Content-Type: {JSON}.")
            reply = route.endpoint(self.service, request)
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
        api_error = as_api_error(error)
        if type(api_error) is ApiError:
            observe.report_failure(error, self._request_id)
        else:
            observe.report_refusal(api_error.name, api_error.status, self._request_id)
        headers = {"Allow": api_error.allow} if api_error.allow else {}
        return _respond(api_error.status, PROBLEM_JSON, as_problem(api_error, self._request_id), headers)


def _respond(
    status: int, content_type: str, body: BaseModel | Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response[str]:
    text = body.model_dump_json() if isinstance(body, BaseModel) else json.dumps(body)
    return Response(status, content_type, text, headers={**_HEADERS, **(headers or {})})
