"""Headers that tell the browser what this page may do. Streamlit sends none of its own."""

import base64
import hashlib
import re
from pathlib import Path

from starlette.datastructures import MutableHeaders
from streamlit import file_util

from frontend import visitors
from frontend.asgi import AsgiApp, Message, Receive, Scope, Send
from frontend.transport.script import WHOLE

INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


def content_security_policy(index_html: str) -> str:
    """Write the policy: everything from this server alone, and no script but its own.

    Parameters
    ----------
    index_html : str
        Streamlit's page with our script; inline scripts are allowed by their hash.

    Returns
    -------
    str
        The header's value.
    """
    hashes = " ".join(_hash(script) for script in INLINE_SCRIPT.findall(index_html))
    rules = {
        "default-src": "'self'",
        # Streamlit's data tables and uploads run WebAssembly and workers.
        "script-src": f"'self' {hashes} 'wasm-unsafe-eval'",
        "worker-src": "'self' blob:",
        # Streamlit styles its elements by script (emotion).
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "connect-src": "'self' data:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


class SecurityHeaders:
    """ASGI middleware: adds the headers to every answer.

    Parameters
    ----------
    app : AsgiApp
        What answers.
    """

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        index_html = Path(file_util.get_static_dir(), "index.html").read_text("utf-8")
        self._headers = {
            "content-security-policy": content_security_policy(index_html + WHOLE),
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
            "referrer-policy": "same-origin",
            "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
            "cross-origin-opener-policy": "same-origin",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the security headers added."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if visitors.is_https(scope):
                    headers.setdefault("strict-transport-security", "max-age=31536000")
            await send(message)

        await self._app(scope, receive, sending)


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
