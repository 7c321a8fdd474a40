import hashlib
import json
from pathlib import Path
from typing import get_args

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route

from frontend.settings import Transport
from frontend.transport import script

ROOT = Path(__file__).resolve().parents[4]
PAGE = "<html><head><title>Streamlit</title><script src='main.js'></script></head></html>"


async def fetch(mode: Transport, path: str, **headers: str) -> httpx.Response:
    async def html(_: object) -> HTMLResponse:
        return HTMLResponse(PAGE, headers={"etag": "abc", "last-modified": "yesterday"})

    async def data(_: object) -> JSONResponse:
        return JSONResponse({"title": "<title>"}, headers={"etag": "abc"})

    app = script.ScriptInjection(Starlette(routes=[Route("/", html), Route("/data", data), *script.routes()]), mode)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://page") as client:
        return await client.get(path, headers=headers)


@pytest.mark.parametrize("mode", get_args(Transport))
@pytest.mark.anyio
async def test_what_loads_a_page_again_is_in_the_page_itself_ahead_of_all_that_may_be_lost(mode: Transport):
    page = (await fetch(mode, "/")).text
    assert script.WHOLE.count("</script>") == 1
    assert page.index(script.WHOLE) < page.index(" src=")


@pytest.mark.parametrize("mode", ["polling", "auto"])
@pytest.mark.anyio
async def test_the_script_comes_before_streamlits_own(mode: Transport):
    page = (await fetch(mode, "/")).text
    assert page.index("engine.io.min.js") < page.index("polling.js") < page.index("main.js")
    assert f'data-mode="{mode}"' in page


@pytest.mark.anyio
async def test_without_polling_nothing_of_the_transport_is_there():
    assert (await fetch("websocket", "/")).text.replace(f"{script.WHOLE}\n    ", "") == PAGE


@pytest.mark.anyio
async def test_a_browser_cannot_keep_a_page_of_another_mode():
    answer = await fetch("polling", "/")
    assert "etag" not in answer.headers
    assert "last-modified" not in answer.headers


@pytest.mark.anyio
async def test_other_answers_are_left_alone():
    answer = await fetch("polling", "/data")
    assert answer.json() == {"title": "<title>"}
    assert answer.headers["etag"] == "abc"


@pytest.mark.anyio
async def test_the_files_are_served_and_may_be_kept():
    page = (await fetch("polling", "/")).text
    for source in [piece.split('"')[0] for piece in page.split('src=".')[1:]]:
        answer = await fetch("polling", source)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]


def test_engine_io_is_the_published_file():
    """The lock names the version; its own file in node_modules, where Node's tools are set up, is the same."""
    lock = json.loads((ROOT / "package-lock.json").read_text())
    version = lock["packages"]["node_modules/engine.io-client"]["version"]
    ours = script.STATIC / "engine.io.min.js"
    assert f"Engine.IO v{version}" in ours.read_text()[:40]
    published = ROOT / "node_modules" / "engine.io-client" / "dist" / "engine.io.min.js"
    if published.exists():
        assert hashlib.sha256(ours.read_bytes()).digest() == hashlib.sha256(published.read_bytes()).digest()
