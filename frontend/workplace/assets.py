"""The workplace's scripts and styles, under an address that carries their hash."""

import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

STATIC = Path(__file__).resolve().parent / "static"
YEAR_S = 31_536_000
TYPES = {".js": "text/javascript", ".css": "text/css"}
FILES = {path.name: path.read_bytes() for path in sorted(STATIC.iterdir()) if path.suffix in TYPES}
VERSION = hashlib.sha256(b"".join(name.encode() + content for name, content in FILES.items())).hexdigest()[:16]
URL = "/_leukolens/static"
BASE = f"{URL}/{VERSION}"
"""One hash for all: a script finds those beside it, and a browser may keep them for ever."""


async def _serve(request: Request) -> Response:
    """Serve a file. A tab that was opened before a deployment asks by the old hash, and gets the new file, unkept."""
    name = request.path_params["name"]
    if name not in FILES:
        return PlainTextResponse("Not found", 404)
    current = request.path_params["version"] == VERSION
    cache = f"public, max-age={YEAR_S}, immutable" if current else "no-store"
    return Response(FILES[name], media_type=TYPES[Path(name).suffix], headers={"cache-control": cache})


def routes() -> list[Route]:
    """Make the routes that serve the workplace's files."""
    return [Route(f"{URL}/{{version}}/{{name}}", _serve)]
