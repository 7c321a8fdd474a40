"""Keeps the memory that uploads take within bounds: Streamlit itself holds every file until its session ends."""

from collections.abc import Iterable
from pathlib import PurePosixPath

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from frontend.asgi import AsgiApp, Receive, Scope, Send

PATH = "/_stcore/upload_file/"


def release(files: Iterable[UploadedFile]) -> None:
    """Let go of uploads whose bytes were taken.

    Parameters
    ----------
    files : Iterable[UploadedFile]
        As ``st.file_uploader`` gave them.
    """
    context = get_script_run_ctx()
    if context is None or not isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        return
    for file in files:
        context.uploaded_file_mgr.remove_file(context.session_id, file.file_id)


class UploadBudget:
    """ASGI middleware: refuses an upload that would take a session over its budget.

    Parameters
    ----------
    app : AsgiApp
        Streamlit, which limits each file but not their sum.
    limit_bytes : int
        Of uploads that a session has sent and the page has not yet taken.
    """

    def __init__(self, app: AsgiApp, limit_bytes: int) -> None:
        self._app = app
        self._limit_bytes = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or hand on."""
        if scope["type"] == "http" and scope["method"] == "PUT" and scope["path"].startswith(PATH):
            length = Headers(scope=scope).get("content-length", "")
            session_id = PurePosixPath(scope["path"]).parent.name
            # Without a length (a chunked body) the sum could not be kept; browsers send one.
            if not length.isdecimal() or held_bytes(session_id) + int(length) > self._limit_bytes:
                await PlainTextResponse("Too many images at once", 413)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def held_bytes(session_id: str) -> int:
    """Sum up the uploads that Streamlit holds of a session."""
    manager = runtime.get_instance().uploaded_file_mgr
    if not isinstance(manager, MemoryUploadedFileManager):
        return 0
    return sum(len(file.data) for file in list(manager.file_storage.get(session_id, {}).values()))
