"""Tells requests from other events: the function may be called by whatever is wired to it."""

import json
from collections.abc import Mapping
from typing import Any, Final

from .errors import InvalidRequest, as_problem
from .observe import logger

PING: Final = {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": '{"status": "warm"}'}
_WARMERS: Final = frozenset({"aws.events", "aws.scheduler", "serverless-plugin-warmup"})


class UnknownEventError(ValueError):
    """An event of another service, which would take any answer for success; names the kind, never a value."""


def is_request(event: Any) -> bool:
    """Tell whether an event is a request of an HTTP API, payload format 2.0."""
    if not isinstance(event, Mapping):
        return False
    context = event.get("requestContext")
    http = context.get("http") if isinstance(context, Mapping) else None
    return (
        isinstance(http, Mapping)
        and isinstance(http.get("method"), str)
        and isinstance(http.get("path", ""), str)
        and isinstance(event.get("rawPath"), str)
    )


def answer_other(event: Any, request_id: str) -> dict[str, Any]:
    """Answer an event that is no request of an HTTP API.

    Returns
    -------
    dict
        200 for a ping; 400 with a problem for what waits for an answer: another gateway, a load balancer, a console.

    Raises
    ------
    UnknownEventError
        For records of a queue, bucket or stream: an answer would make them count as dealt with, and lose them.
    """
    kind = kind_of(event)
    if kind == "ping":
        return dict(PING)
    logger.warning("unknown event", extra={"kind": kind, "request_id": request_id})
    if kind == "records":
        raise UnknownEventError(
            "This function answers an HTTP API (payload format 2.0), not records: unwire the source."
        )
    problem = as_problem(
        InvalidRequest(f"This function answers an HTTP API of payload format 2.0; this event is {kind}."), request_id
    )
    headers = {"Content-Type": "application/problem+json", "Cache-Control": "no-store"}
    return {"statusCode": 400, "headers": headers, "body": json.dumps(problem.model_dump(mode="json"))}


def kind_of(event: Any) -> str:
    """Name the kind of an event."""
    if not isinstance(event, Mapping) or not event:
        return "empty or no object"
    if event.get("ping") is True or event.get("warmup") is True or event.get("source") in _WARMERS:
        return "ping"
    if "Records" in event:
        return "records"
    context = event.get("requestContext")
    if isinstance(context, Mapping) and "elb" in context:
        return "of a load balancer"
    return "of a REST API, version 1" if "httpMethod" in event else "of no kind that it knows"
