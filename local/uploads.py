"""Where an upload goes on a laptop: the route that stands in for S3's presigned POST.

The service writes a ticket beside the place of the upload (``api.storage.Folder.presign``); whoever knows the ticket's
key, 128 random bits, may put one file of exactly that type and size there before it expires.
"""

import asyncio
import contextlib
import json
import re
import time
from http import HTTPStatus
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from api.storage import PART_PREFIX

PATH = "/_local/uploads"
KEPT_S = 24 * 3600.0  # as the bucket's lifecycle rule does
HALF_WRITTEN_S = 60.0
TAKE_S = 120.0
"""For a file of 25 MB to arrive: 1.7 Mbit/s."""
_KEY = re.compile(r"uploads/[0-9a-f]{32}")
_FORM_BYTES = 64_000  # what a form adds to its file


class Uploads:
    """The endpoint that takes uploads.

    Parameters
    ----------
    folder
        Of the service's setting ``LEUKOLENS_UPLOADS_BUCKET``.
    max_bytes
        Of a file; more is refused unread.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes

    async def take(self, request: Request) -> Response:
        """Take one form: ``key``, ``Content-Type`` and then ``file``, as S3 does."""
        length = request.headers.get("content-length", "")
        if not length.isdecimal():
            raise HTTPException(HTTPStatus.LENGTH_REQUIRED, "Send Content-Length.")
        if int(length) > self._max_bytes + _FORM_BYTES:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The file is larger than an upload may be.")
        try:
            async with asyncio.timeout(TAKE_S), request.form(max_files=1, max_fields=10) as form:
                key, kind, file = form.get("key"), form.get("Content-Type"), form.get("file")
                if not (isinstance(key, str) and isinstance(kind, str) and isinstance(file, UploadFile)):
                    raise HTTPException(
                        HTTPStatus.BAD_REQUEST, "Send the ticket's fields, and then the file in 'file'."
                    )
                await run_in_threadpool(self._store, key, kind, file)
        except TimeoutError as error:
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, "The file did not arrive in time.") from error
        except OSError as error:  # larger files wait on the disk while they arrive
            raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, f"The file was not kept: {error.strerror}.") from error
        except (MultiPartException, ClientDisconnect) as error:
            raise HTTPException(HTTPStatus.BAD_REQUEST, "The form cannot be read.") from error
        return Response(status_code=HTTPStatus.NO_CONTENT)

    def _store(self, key: str, kind: str, file: UploadFile) -> None:
        ticket = self._folder / f"{key}.ticket"
        if not (_KEY.fullmatch(key) and ticket.is_file()):
            raise HTTPException(HTTPStatus.FORBIDDEN, "There is no ticket of this key, or it was used.")
        allowed = json.loads(ticket.read_bytes())
        if (kind, file.size) != (allowed["content_type"], allowed["size_bytes"]) or time.time() > allowed["expires_s"]:
            raise HTTPException(HTTPStatus.FORBIDDEN, "The ticket is for another type or size, or has expired.")
        # Whole or not at all: a name that the service reads is never half written.
        partial = ticket.with_name(f"{PART_PREFIX}{ticket.stem}")
        try:
            # The ticket goes first: of two who hold it, one finds it gone.
            ticket.unlink()
            partial.write_bytes(file.file.read())
            partial.replace(self._folder / key)
        except FileNotFoundError as error:
            raise HTTPException(HTTPStatus.FORBIDDEN, "There is no ticket of this key, or it was used.") from error
        except OSError as error:
            with contextlib.suppress(OSError):  # the same file may be sent again, where there is room for its ticket
                ticket.write_text(json.dumps(allowed))
            raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, f"The file was not kept: {error.strerror}.") from error
        finally:
            partial.unlink(missing_ok=True)


def discard_old(folder: Path, kept_s: float = KEPT_S, feedback_days: int = 1_825) -> None:
    """Delete what is not to be kept any longer.

    Uploads after ``kept_s``, feedback after ``feedback_days``, and whatever a killed process left half written: such a
    file may hold an image, and nobody would look for it. One that is being written is younger than a minute.
    """
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # another process was quicker
            if not path.is_file():
                continue
            age_s = time.time() - path.stat().st_mtime
            kind = path.relative_to(folder).parts[0]
            most_s = {"uploads": kept_s, "feedback": feedback_days * 24 * 3600.0}.get(kind, float("inf"))
            if age_s > (HALF_WRITTEN_S if _is_part(path) else most_s):
                path.unlink()


def _is_part(path: Path) -> bool:
    """Whether a name is of a file that is still being written; ``tmp`` and ``.part`` are those of earlier versions."""
    name = path.name
    return name.startswith(PART_PREFIX) or path.suffix == ".part" or (name.startswith("tmp") and not path.suffix)
