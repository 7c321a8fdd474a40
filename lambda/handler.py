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
