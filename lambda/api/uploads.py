"""``POST /v1/uploads``: a place for one image that is too large for a request body."""

import uuid
from datetime import UTC, datetime, timedelta

from . import schemas
from .errors import TooLarge, UploadNotFound, parse
from .http import Incoming, Reply
from .service import Service
from .storage import UPLOAD_EXPIRES_S


def create(service: Service, request: Incoming) -> Reply:
    """Sign a POST to S3 for one file of the stated type and size; nothing is stored by this call.

    Raises
    ------
    InvalidRequest, TooLarge, NotOffered, StorageUnavailable
        What is wrong with the request, or the deployment.
    """
    wanted = parse(schemas.UploadRequest, request.body)
    limit = service.settings.max_upload_bytes
    if wanted.size_bytes > limit:
        raise TooLarge(f"The file has {wanted.size_bytes} bytes, more than the limit of {limit}: send a smaller copy.")
    upload_id = uuid.uuid4().hex
    expires_at = datetime.now(UTC) + timedelta(seconds=UPLOAD_EXPIRES_S)
    url, fields = service.uploads().presign(_key(upload_id), wanted.content_type, wanted.size_bytes)
    ticket = schemas.UploadTicket(upload_id=upload_id, url=url, fields=fields, expires_at=expires_at, max_bytes=limit)
    return Reply(201, ticket)


def uploaded_image(service: Service, upload_id: str) -> bytes:
    """Give the bytes of an image that was put through an upload.

    Raises
    ------
    UploadNotFound, TooLarge, NotOffered, StorageUnavailable
        Where there is none that can be read.
    """
    data = service.uploads().read(_key(upload_id), service.settings.max_upload_bytes)
    if data is None:
        raise UploadNotFound("There is no such upload: it was not completed, or has expired. Upload the file again.")
    return data


def _key(upload_id: str) -> str:
    return f"uploads/{upload_id}"
