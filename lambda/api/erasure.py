"""Erases what was kept under an id, every version: of a request its labels and image, of an upload the image."""

from typing import Any, Final, Self

from pydantic import ConfigDict, ValidationError, model_validator

from . import schemas
from .errors import ApiError
from .observe import logger
from .storage import Objects, open_objects

FOLDERS: Final = {"request_id": "feedback/{}/", "upload_id": "uploads/{}"}
"""Where each kind of id has its objects: ``api.feedback`` and ``api.uploads`` put them there."""


class ErasureRequest(schemas.Request):
    """A request to erase: by whoever may call the function (IAM), or works on this machine; no HTTP route erases."""

    model_config = ConfigDict(extra="forbid", strict=True)

    request_id: schemas.RequestId | None = None
    upload_id: schemas.UploadId | None = None
    asked_by: str
    """Who answers for it: a name or a ticket, for the audit line."""

    @model_validator(mode="after")
    def _guard_id(self) -> Self:
        if (self.request_id is None) == (self.upload_id is None):
            raise ValueError("give a request_id or an upload_id")
        return self


class Erasure(schemas.Answer):
    """What was erased."""

    request_id: str | None = None
    upload_id: str | None = None
    objects: int
    """With every version and every mark of a deletion: 0 where nothing was kept under the id."""


class ErasureError(ValueError):
    """The request is malformed, or not everything was erased; says what to do, never with an id."""


def erase(stores: dict[str, str], message: Any) -> Erasure:
    """Erase what was kept under one id, and write the audit line.

    Parameters
    ----------
    stores
        Addresses of stores by the kind of id: ``request_id`` (of reviewers' labels), ``upload_id`` (of uploads).
    message
        As :class:`ErasureRequest`.

    Raises
    ------
    ErasureError
        For anything else, and where not all of it could be erased.
    """
    try:
        request = ErasureRequest.model_validate(message)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, entry["loc"])) or "erase" for entry in error.errors(include_input=False))
        raise ErasureError(
            f'{fields}: send {{"erase": {{"request_id": "...", "asked_by": "..."}}}}, or upload_id in its place'
        ) from None
    kind = "upload_id" if request.request_id is None else "request_id"
    identifier = str(getattr(request, kind))
    if not stores.get(kind):
        raise ErasureError(f"This deployment keeps nothing under a {kind}.")
    line: dict[str, Any] = {kind: identifier, "asked_by": request.asked_by}
    try:
        objects: Objects = open_objects(stores[kind])
        count = objects.erase(FOLDERS[kind].format(identifier))
    except ApiError as error:
        # Whoever reads the log later must see that it was asked and did not end.
        logger.error("erasure failed", extra=line)
        raise ErasureError(f"Not everything was erased: {error}") from None
    logger.info("erasure", extra={**line, "objects": count})
    return Erasure(**{kind: identifier}, objects=count)
