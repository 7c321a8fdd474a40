"""The OpenAPI document, made from the routes and the schemas; ``python -m api.openapi`` prints what docs/ holds."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from pydantic.json_schema import models_json_schema

import inference

from . import schemas
from .routes import ROUTES, Route
from .schemas import OTHER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .errors import ApiError
    from .http import Incoming
    from .service import Service

_Json = dict[str, Any]

_INFO: Final = {
    "title": "Leukolens",
    "version": "1",
    "description": "Classifies fields of peripheral blood smears for patterns of acute lymphoblastic leukaemia, and "
    "says when it does not know. " + schemas.RESEARCH_USE_WARNING,
    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
}
_GATEWAY: Final = {
    "401": {"description": "No valid token (answered by the gateway)"},
    "403": {"description": "The token lacks the scope (answered by the gateway)"},
    "429": {"description": "Too many requests (answered by the gateway): wait and try again"},
}


def serve(service: Service, request: Incoming) -> _Json:
    """Answer ``GET /openapi.json``."""
    labels: tuple[str, ...] = ()
    with suppress(inference.ModelError):
        labels = (*service.classifier().card.labels, OTHER)
    return document(labels, service.settings.max_upload_bytes)


ALL_ROUTES: Final = (*ROUTES, Route("GET", "/openapi.json", serve, "Read this document", None))


@cache
def document(labels: tuple[str, ...] = (), max_upload_bytes: int = schemas.MAX_UPLOAD_BYTES) -> _Json:
    """Make the document.

    Parameters
    ----------
    labels
        That feedback may give: the default model's, and that of a field which is none of them.
    max_upload_bytes
        Of one file that goes through an upload.

    Returns
    -------
    dict
        OpenAPI 3.1.
    """
    answers = [(route.answer, "serialization") for route in ALL_ROUTES if route.answer]
    bodies = [(route.body, "validation") for route in ALL_ROUTES if route.body]
    models: Any = [*answers, *bodies, (schemas.Problem, "serialization")]
    _, definitions = models_json_schema(models, ref_template="#/components/schemas/{model}")
    described = definitions["$defs"]
    described["UploadRequest"]["properties"]["size_bytes"]["maximum"] = max_upload_bytes
    if labels:
        described["FeedbackRequest"]["properties"]["label"]["enum"] = list(labels)
    paths: dict[str, _Json] = {}
    for route in ALL_ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": _INFO,
        "paths": paths,
        "components": {
            "schemas": described,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
        "security": [{"bearer": []}, {}],
    }


def _operation(route: Route) -> _Json:
    content = {"application/json": {"schema": _reference(route.answer) if route.answer else {"type": "object"}}}
    responses: _Json = {
        str(status): {"description": description, "content": content} for status, description in route.statuses.items()
    }
    operation: _Json = {
        "summary": route.summary,
        "operationId": f"{route.method.lower()}_{route.path.rpartition('/')[2].partition('.')[0]}",
        "responses": responses | _problems(route.problems) | _GATEWAY,
    }
    if route.flags or route.query:
        operation["parameters"] = _parameters(route)
    if route.body:
        operation["requestBody"] = {"required": True, "content": _bodies(route)}
    return operation


def _bodies(route: Route) -> _Json:
    content: _Json = {"application/json": {"schema": _reference(route.body)}} if route.body else {}
    if not route.takes_image:
        return content
    binary = {"type": "string", "contentMediaType": "application/octet-stream"}
    form = {"type": "object", "properties": {"file": binary}, "required": ["file"]}
    images: _Json = {kind: {"schema": {"type": "string", "contentMediaType": kind}} for kind in schemas.IMAGE_TYPES}
    return {**images, "multipart/form-data": {"schema": form}, **content}


def _problems(kinds: Iterable[type[ApiError]]) -> _Json:
    by_status: dict[str, list[str]] = {}
    for kind in kinds:
        by_status.setdefault(str(kind.status), []).append(f"`{schemas.PROBLEM_TYPE_PREFIX}{kind.name}`: {kind.title}")
    content = {"application/problem+json": {"schema": _reference(schemas.Problem)}}
    return {
        status: {"description": "; ".join(lines), "content": content} for status, lines in sorted(by_status.items())
    }


def _parameters(route: Route) -> list[_Json]:
    flags = [(name, what, {"type": "boolean", "default": False}) for name, what in route.flags.items()]
    values = [(parameter.name, parameter.what, dict(parameter.schema)) for parameter in route.query]
    return [
        {"name": name, "in": "query", "description": what, "schema": schema} for name, what, schema in [*flags, *values]
    ]


def _reference(schema: type) -> _Json:
    return {"$ref": f"#/components/schemas/{schema.__name__}"}


if __name__ == "__main__":
    from settings import load_settings

    shipped = inference.read_card(load_settings({}).model_dir)
    json.dump(document((*shipped.labels, OTHER)), sys.stdout, indent=2)
    sys.stdout.write("\n")
