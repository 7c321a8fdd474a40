"""Keeps the memory that uploads take within bounds: Streamlit itself holds every file until its session ends."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath
from urllib.parse import unquote
from weakref import WeakValueDictionary

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from frontend import gate
from frontend.asgi import AsgiApp, Receive, Scope, Send
from frontend.workspace import Workspace

PATH = "/_stcore/upload_file/"
_workspaces: WeakValueDictionary[str, Workspace] = WeakValueDictionary()
"""By session; each is gone with its session."""
_refused: dict[str, list[str]] = {}
"""Names of files by session, until its page says so; those of sessions that are gone are dropped."""


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


def make_way_in(workspace: Workspace) -> None:
    """Let uploads to this session take the place of files that the workspace no longer needs."""
    context = get_script_run_ctx()
    if context is not None:
        _workspaces[context.session_id] = workspace


def refused() -> list[str]:
    """Give the names of the files that this session had no room for, once."""
    context = get_script_run_ctx()
    return _refused.pop(context.session_id, []) if context is not None else []


class UploadBudget:
    """ASGI middleware: takes an upload only from the session's own browser, and only where there is room for it.

    Room is taken before the first byte is read and given back when the upload has ended, so that uploads side by side
    cannot all find the same room free.

    Parameters
    ----------
    app : AsgiApp
        Streamlit, which limits each file but not their sum.
    limit_bytes : int
        Of images that a session has sent: those on their way, those that the page has not yet taken, and those that it
        holds. One browser's sessions together have twice as much.
    total_bytes : int
        Of all sessions of this process.
    """

    def __init__(self, app: AsgiApp, limit_bytes: int, total_bytes: int) -> None:
        self._app = app
        self._limit_bytes = limit_bytes
        self._total_bytes = total_bytes
        self._coming: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or hand on."""
        if scope["type"] != "http" or not scope["path"].startswith(PATH) or scope["method"] == "OPTIONS":
            await self._app(scope, receive, send)
            return
        session_id = PurePosixPath(scope["path"]).parent.name
        if not gate.may_upload(scope, session_id):
            await PlainTextResponse("Not this browser's session", 403)(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "") if scope["method"] == "PUT" else "0"
        # Without a length (a chunked body) the sum could not be kept; browsers send one.
        if not length.isdecimal() or not self._has_room(session_id, int(length)):
            await _note(session_id, receive)
            await PlainTextResponse("Too many images at once", 413)(scope, receive, send)
            return
        self._coming[session_id] += int(length)
        try:
            await self._app(scope, receive, send)
        finally:
            self._coming[session_id] -= int(length)
            self._coming += Counter()  # drops what is at zero

    def _has_room(self, session_id: str, length: int) -> bool:
        workspace = _workspaces.get(session_id)
        if workspace is not None:
            workspace.make_room(length + held_bytes(session_id) + self._coming[session_id])
        owner = gate.owner_of(session_id)
        browser = sum(map(self._of, gate.sessions_of(owner.visitor))) if owner else 0
        everybody = sum(map(self._of, {*_workspaces.keys(), *sessions_with_uploads(), *self._coming}))
        return (
            self._of(session_id) + length <= self._limit_bytes
            and browser + length <= 2 * self._limit_bytes
            and everybody + length <= self._total_bytes
        )

    def _of(self, session_id: str) -> int:
        workspace = _workspaces.get(session_id)
        held = workspace.held_bytes if workspace is not None else 0
        return held + held_bytes(session_id) + self._coming[session_id]


async def _note(session_id: str, receive: Receive) -> None:
    """Note the name of a refused file; it is at the beginning of the body."""
    found = re.search(rb'filename="([^"]*)"', (await receive()).get("body", b""))
    for gone in _refused.keys() - _workspaces.keys():
        del _refused[gone]
    if found and session_id in _workspaces:
        _refused.setdefault(session_id, []).append(unquote(found[1].decode("utf-8", "replace")))


def held_bytes(session_id: str) -> int:
    """Sum up the uploads that Streamlit holds of a session."""
    manager = runtime.get_instance().uploaded_file_mgr
    if not isinstance(manager, MemoryUploadedFileManager):
        return 0
    return sum(len(file.data) for file in list(manager.file_storage.get(session_id, {}).values()))


def sessions_with_uploads() -> list[str]:
    """List the sessions whose uploads Streamlit holds."""
    manager = runtime.get_instance().uploaded_file_mgr if runtime.exists() else None
    return list(manager.file_storage) if isinstance(manager, MemoryUploadedFileManager) else []
