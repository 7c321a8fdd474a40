"""Serves the workplace in the browser: files in, state and pictures out, a reader's entries kept.

Every request brings the browser's own cookie, and reaches that workspace alone. One that changes something must also
carry a header that a page of another site cannot set without asking first, and is never allowed to.
"""

import functools
from collections.abc import Awaitable, Callable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from client.images import image_type
from frontend import finding, pictures, samples, translation, visitors
from frontend.asgi import AsgiApp, Receive, Scope, Send
from frontend.documents import labelled
from frontend.workplace import assets, state
from frontend.workspace import (
    CLASS_NAME_CHARS,
    MAX_FILE_BYTES,
    MAX_OWN_CLASSES,
    NAME_CHARS,
    NOTE_CHARS,
    Review,
    SmearField,
)
from frontend.workspaces import Desk, Workspaces

URL = "/_leukolens/workplace"
HEADER = "x-leukolens-tab"
"""The tab that speaks; no form and no picture of another site can send it."""
STREAMLIT_UPLOADS = "/_stcore/upload_file/"
MAX_JSON_BYTES = 2_000_000
MAX_ANNOUNCED = 200
SHOWN_BY_BROWSERS = ("image/jpeg", "image/png", "image/bmp", "image/webp")
Handler = Callable[[Request, Desk], Awaitable[Response]]


class _TooLargeError(Exception):
    """A body is over its limit, whatever its length said."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


FileId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")]
Key = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Label = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


class _File(_Body):
    id: FileId
    name: str = Field(max_length=1_000)
    size: int = Field(ge=0)


class _Announcement(_Body):
    files: list[_File] = Field(max_length=MAX_ANNOUNCED)


class _Loss(_Body):
    reason: str = Field(max_length=500)
    too_large: bool = False


class _Entry(_Body):
    label: Label | None = None
    note: str | None = Field(default=None, max_length=NOTE_CHARS)
    left_out: bool | None = None


class _Kept(_Body):
    key: Key
    label: Label | None = None
    note: str = Field(default="", max_length=NOTE_CHARS)
    left_out: bool = False


class _Backup(_Body):
    classes: list[Annotated[str, Field(max_length=CLASS_NAME_CHARS)]] = Field(default=[], max_length=MAX_OWN_CLASSES)
    specimen: str = Field(default="", max_length=NAME_CHARS)
    pixel_um: float | None = None
    fields: list[_Kept] = Field(default=[], max_length=2_000)


class _Specimen(_Body):
    name: str = Field(max_length=NAME_CHARS)


class _Pixel(_Body):
    um: float | None = Field(allow_inf_nan=False)


class _OwnClass(_Body):
    name: str = Field(max_length=CLASS_NAME_CHARS)


class _Model(_Body):
    name: str = Field(max_length=200)


def routes(workspaces: Workspaces) -> list[Route]:
    """List the routes of the workplace."""

    def route(path: str, handler: Handler, *methods: str) -> Route:
        return Route(f"{URL}{path}", _guarded(workspaces, handler), methods=list(methods))

    return [
        route("/state", _state, "GET"),
        route("/files", _announce, "POST"),
        route("/files/{file_id}", functools.partial(_receive, workspaces), "PUT"),
        route("/files/{file_id}/loss", _note_loss, "POST"),
        route("/fields/{key}", _review, "POST"),
        route("/fields/{key}", _remove, "DELETE"),
        route("/fields/{key}/{picture}", _picture, "GET"),
        route("/specimen", _name_specimen, "POST"),
        route("/labelled.zip", _labelled, "GET"),
        route("/classes", _add_class, "POST"),
        route("/pixel", _set_pixel_size, "POST"),
        route("/model", _choose_model, "POST"),
        route("/restore", _restore, "POST"),
        route("/samples", _sample, "POST"),
        route("/gone", _close_tab, "POST"),
        route("/{command}", _command, "POST"),
        *assets.routes(),
    ]


def _guarded(workspaces: Workspaces, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    @functools.wraps(handler)
    async def guarded(request: Request) -> Response:
        visitor = visitors.visitor_of(request.scope)
        desk = workspaces.find(visitor) if visitor else None
        if desk is None:
            return JSONResponse({"problem": "No session of this browser is known here."}, 409)
        changing = request.method != "GET"
        foreign = request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
        named = request.headers.get("origin")
        foreign |= named is not None and bool(desk.origins) and named not in desk.origins
        if foreign or (changing and HEADER not in request.headers):
            return JSONResponse({"problem": "Not from this page."}, 403)
        translation.choose(request.query_params.get("language"))
        desk.workspace.mark_tab_alive(request.headers.get(HEADER, "")[:64])
        try:
            answer = await handler(request, desk)
        except ValidationError as error:
            return JSONResponse({"problem": str(error.errors()[0]["msg"])}, 422)
        except ValueError as error:
            return JSONResponse({"problem": str(error)}, 422)
        except KeyError:
            return JSONResponse({"problem": "It is no longer here."}, 404)
        except _TooLargeError:
            return JSONResponse({"problem": "Too large"}, 413)
        except ClientDisconnect:
            return Response(status_code=400)
        answer.headers.setdefault("cache-control", "no-store")
        return answer

    return guarded


async def _state(request: Request, desk: Desk) -> Response:
    since = request.query_params.get("since", "0")
    desk.batch.resume()
    description = await run_in_threadpool(
        state.describe, desk.workspace, desk.batch, int(since) if since.isdecimal() else 0
    )
    return JSONResponse(description)


async def _announce(request: Request, desk: Desk) -> Response:
    announcement = _Announcement.model_validate_json(await _read(request, MAX_JSON_BYTES))
    tab = request.headers[HEADER][:64]
    arrivals = {file.id: desk.workspace.announce(file.id, file.name, file.size, tab) for file in announcement.files}
    return JSONResponse({"send": [file_id for file_id, arrival in arrivals.items() if arrival.outcome == "coming"]})


async def _receive(workspaces: Workspaces, request: Request, desk: Desk) -> Response:
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or int(length) > MAX_FILE_BYTES:
        return JSONResponse({"problem": "Too large"}, 413)
    with workspaces.room(desk, int(length)) as free:
        if not free:
            # Not a refusal: the browser keeps the file and comes again when others are read.
            return JSONResponse({"problem": "No room yet"}, 503, {"retry-after": "2"})
        data = await _read(request, MAX_FILE_BYTES)
        if len(data) != int(length):
            return JSONResponse({"problem": "Cut short"}, 400)
        await run_in_threadpool(desk.workspace.receive, request.path_params["file_id"], data)
    desk.batch.resume()
    return Response(status_code=204)


async def _note_loss(request: Request, desk: Desk) -> Response:
    loss = _Loss.model_validate_json(await _read(request, MAX_JSON_BYTES))
    desk.workspace.not_sent(request.path_params["file_id"], loss.reason, too_large=loss.too_large)
    return Response(status_code=204)


async def _review(request: Request, desk: Desk) -> Response:
    entry = _Entry.model_validate_json(await _read(request, MAX_JSON_BYTES))
    workspace, key = desk.workspace, request.path_params["key"]
    field = workspace.fields[key]
    if entry.label is not None:
        workspace.set_review(key, Review(entry.label, workspace.reviewer))
    if entry.note is not None:
        field.note = entry.note
    if entry.left_out is not None:
        field.left_out = entry.left_out
    workspace.touch(field)
    return Response(status_code=204)


async def _remove(request: Request, desk: Desk) -> Response:
    desk.workspace.remove(request.path_params["key"])
    return Response(status_code=204)


async def _name_specimen(request: Request, desk: Desk) -> Response:
    desk.workspace.specimen = _Specimen.model_validate_json(await _read(request, MAX_JSON_BYTES)).name
    desk.workspace.touch()
    return Response(status_code=204)


async def _add_class(request: Request, desk: Desk) -> Response:
    own_class = _OwnClass.model_validate_json(await _read(request, MAX_JSON_BYTES))
    return JSONResponse({"label": desk.workspace.add_class(own_class.name)})


async def _labelled(_: Request, desk: Desk) -> Response:
    workspace = desk.workspace
    answer = next((field.answer for field in workspace.of("answered")), None)
    known = finding.with_own(finding.classes(workspace.card, answer), workspace.own_classes)
    specimen = workspace.specimen or f"specimen-{workspace.born}"
    parts = labelled.write(labelled.fields_of(workspace), known, specimen)
    disposition = 'attachment; filename="leukolens-labelled.zip"'
    return StreamingResponse(parts, media_type="application/zip", headers={"content-disposition": disposition})


async def _set_pixel_size(request: Request, desk: Desk) -> Response:
    desk.workspace.set_pixel_size(_Pixel.model_validate_json(await _read(request, MAX_JSON_BYTES)).um)
    return Response(status_code=204)


async def _choose_model(request: Request, desk: Desk) -> Response:
    desk.workspace.choose_model(_Model.model_validate_json(await _read(request, MAX_JSON_BYTES)).name)
    return Response(status_code=204)


async def _restore(request: Request, desk: Desk) -> Response:
    backup = _Backup.model_validate_json(await _read(request, MAX_JSON_BYTES))
    workspace = desk.workspace
    workspace.specimen = workspace.specimen or backup.specimen
    for name in backup.classes:
        workspace.add_class(name)
    if workspace.pixel_um is None:
        workspace.set_pixel_size(backup.pixel_um)
    workspace.restore(
        (field.key, Review(field.label, workspace.reviewer) if field.label else None, field.note, field.left_out)
        for field in backup.fields
    )
    return Response(status_code=204)


async def _close_tab(request: Request, desk: Desk) -> Response:
    desk.workspace.close_tab(request.headers[HEADER][:64])
    return Response(status_code=204)


async def _sample(_: Request, desk: Desk) -> Response:
    for path in samples.synthetic():
        await run_in_threadpool(desk.workspace.add, path.name, path.read_bytes())
    desk.batch.start()
    return Response(status_code=204)


async def _command(request: Request, desk: Desk) -> Response:
    workspace, batch = desk.workspace, desk.batch
    commands: dict[str, Callable[[], object]] = {
        "stop": batch.stop,
        "go": batch.start,
        "retry": workspace.ask_again,
        "anew": workspace.ask_anew,
        "clear": workspace.clear,
        "dismiss": workspace.dismiss,
        "undo": workspace.undo,
    }
    done = commands[request.path_params["command"]]()
    if request.path_params["command"] in ("retry", "anew"):
        batch.start()
    return JSONResponse({"key": done if isinstance(done, str) else None})


async def _picture(request: Request, desk: Desk) -> Response:
    field = desk.workspace.fields[request.path_params["key"]]
    content, media_type = await run_in_threadpool(_drawn, field, request.path_params["picture"])
    # Its address holds its hash; private, for it may show a patient's blood.
    return Response(content, media_type=media_type, headers={"cache-control": "private, max-age=3600"})


def _drawn(field: SmearField, picture: str) -> tuple[bytes, str]:
    preview = field.preview
    if preview is None:
        raise KeyError(picture)
    if picture == "heat" and field.heat is not None:
        return field.heat, "image/webp"
    if picture == "thumbnail":
        return pictures.thumbnail(preview), "image/jpeg"
    if picture == "whole" and (data := field.data) is not None:
        media_type = image_type(data)
        if media_type in SHOWN_BY_BROWSERS:
            return data, str(media_type)
        return pictures.preview(data, pictures.LARGE_PX), "image/jpeg"
    if picture in ("preview", "whole"):
        return preview, "image/jpeg"
    raise KeyError(picture)


async def _read(request: Request, limit_bytes: int) -> bytes:
    """Read a body, no further than its limit."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > limit_bytes:
            raise _TooLargeError
    return bytes(body)


class NoUploader:
    """ASGI middleware: closes Streamlit's own upload route, which no view uses and nothing bounds.

    Parameters
    ----------
    app : AsgiApp
        Streamlit.
    """

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse an upload; hand everything else on."""
        if scope["type"] == "http" and scope["path"].startswith(STREAMLIT_UPLOADS):
            await PlainTextResponse("Not found", 404)(scope, receive, send)
            return
        await self._app(scope, receive, send)
