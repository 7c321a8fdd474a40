"""Entry point that erases, for whoever may call it by IAM: a function of its own, so that the API's can erase nothing.

Loads no model.
"""

from collections.abc import Mapping
from typing import Any

from settings import load_settings

from api.erasure import erase


def handler(event: Any, context: Any) -> dict[str, Any]:
    """Erase what was kept under one id.

    Parameters
    ----------
    event
        ``{"erase": {"request_id": "...", "asked_by": "..."}}``, or ``upload_id`` in place of ``request_id``.
    context
        Lambda's context.

    Returns
    -------
    dict
        A :class:`api.erasure.Erasure`, without what was not asked.

    Raises
    ------
    ErasureError
        For another event, or where not everything could be erased: ask again.
    """
    settings = load_settings()
    stores = {"request_id": settings.feedback_bucket, "upload_id": settings.uploads_bucket}
    request = event.get("erase") if isinstance(event, Mapping) else None
    return erase(stores, request).model_dump(exclude_none=True)
