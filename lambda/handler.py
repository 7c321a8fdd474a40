"""Entry points of the Lambda image. The model is loaded, and checked, while the function initialises."""

from typing import Any

from settings import load_settings

from api.app import Application

_application = Application(load_settings())


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer one HTTP request.

    Parameters
    ----------
    event
        API Gateway HTTP API event, payload format 2.0.
    context
        Lambda's context.

    Returns
    -------
    dict
        The response: ``statusCode``, ``headers``, ``body``.
    """
    return _application(event, context)


def batch(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Classify a list of stored images.

    Parameters
    ----------
    event
        Of one child of a Distributed Map: ``BatchInput`` and ``Items`` (see ``api.batch.BatchEvent``).
    context
        Lambda's context.

    Returns
    -------
    dict
        ``images``, ``problems``, ``results_key``.
    """
    from api.batch import run  # an HTTP request needs none of it

    return run(_application.service, event).model_dump()
