"""Erases what was kept of one request: its labels, its image, and every earlier version of them."""

from typing import Any, Final

from pydantic import ConfigDict, ValidationError

from . import schemas
from .observe import logger
from .storage import Objects

FOLDER: Final = "feedback"


class ErasureRequest(schemas.Request):
    """What somebody asks who may call the function itself (IAM), or works on this machine; no HTTP route erases."""

    model_config = ConfigDict(extra="forbid", strict=True)

    request_id: schemas.RequestId
    asked_by: str
    """Who answers for it: a name or a ticket, for the audit line."""


class Erasure(schemas.Answer):
    """What was erased."""

    request_id: str
    objects: int


class ErasureError(ValueError):
    """The request to erase is not one; says which field, never with its value."""


def erase(store: Objects, asked: Any) -> Erasure:
    """Erase the feedback of one request, and write the audit line.

    Parameters
    ----------
    store
        Of reviewers' labels.
    asked
        As :class:`ErasureRequest`.

    Raises
    ------
    ErasureError
        For anything else.
    StorageUnavailable
        Where not all of it could be erased: ask again.
    """
    try:
        given = ErasureRequest.model_validate(asked)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, one["loc"])) or "erase" for one in error.errors(include_input=False))
        raise ErasureError(f'{fields}: send {{"erase": {{"request_id": "...", "asked_by": "..."}}}}') from None
    count = store.erase(f"{FOLDER}/{given.request_id}/")
    logger.info("erasure", extra={"request_id": given.request_id, "asked_by": given.asked_by, "objects": count})
    return Erasure(request_id=given.request_id, objects=count)
