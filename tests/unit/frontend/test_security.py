import base64
import hashlib

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from frontend.security import INLINE_SCRIPT, SecurityHeaders, content_security_policy
from frontend.transport.script import WHOLE


async def fetch(**headers: str) -> httpx.Headers:
    async def answer(_: object) -> PlainTextResponse:
        return PlainTextResponse("page")

    app = SecurityHeaders(Starlette(routes=[Route("/", answer)]))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://page") as client:
        return (await client.get("/", headers=headers)).headers


def test_inline_scripts_are_allowed_by_their_hash_alone():
    script = "window.ready = false"
    policy = content_security_policy(f"<script>{script}</script><script src='a.js'></script>")
    expected = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert f"'sha256-{expected}'" in rules["script-src"]
    assert "unsafe-inline" not in rules["script-src"]
    assert "'unsafe-eval'" not in rules["script-src"]


@pytest.mark.anyio
async def test_our_own_inline_script_is_allowed():
    (text,) = INLINE_SCRIPT.findall(WHOLE)
    assert (
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in (await fetch())["content-security-policy"]
    )


@pytest.mark.anyio
async def test_no_site_may_frame_the_page():
    headers = await fetch()
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.anyio
async def test_https_is_kept_only_where_it_is_used():
    assert "strict-transport-security" not in await fetch()
    assert "strict-transport-security" in await fetch(**{"x-forwarded-proto": "https"})
