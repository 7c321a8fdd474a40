"""An OpenID Connect provider that signs everyone in as the same person, and an API that wants that person's token."""

import itertools
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import RSAKey

EMAIL = "reader@laboratory.example"
CLIENT_ID = "leukolens-page"


class Provider(BaseHTTPRequestHandler):
    key = RSAKey.generate_key(2048, parameters={"kid": "one"})
    nonces: ClassVar[dict[str, str]] = {}
    email: ClassVar[str] = EMAIL
    signed_in = itertools.count(1)
    taken: ClassVar[set[str]] = set()
    """Tokens that the API takes at the moment; a test takes them out, as an hour would."""

    def do_GET(self) -> None:
        address = f"http://{self.headers['Host']}"
        url = urlsplit(self.path)
        if url.path == "/authorize":
            asked = {name: values[0] for name, values in parse_qs(url.query).items()}
            self.nonces["code-1"] = asked.get("nonce", "")
            self.send_response(302)
            answer = urlencode({"code": "code-1", "state": asked["state"]})
            self.send_header("Location", f"{asked['redirect_uri']}?{answer}")
            self.end_headers()
        elif url.path == "/keys":
            self._json({"keys": [self.key.as_dict(private=False)]})
        else:
            self._json(
                {
                    "issuer": address,
                    "authorization_endpoint": f"{address}/authorize",
                    "token_endpoint": f"{address}/token",
                    "jwks_uri": f"{address}/keys",
                    "response_types_supported": ["code"],
                    "subject_types_supported": ["public"],
                    "id_token_signing_alg_values_supported": ["RS256"],
                }
            )

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        now = int(time.time())
        claims = {
            "iss": f"http://{self.headers['Host']}",
            "aud": CLIENT_ID,
            "sub": "1",
            "email": self.email,
            "iat": now,
            "exp": now + 3600,
            "nonce": self.nonces[form["code"][0]],
        }
        identity = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
        token = f"access-token-{next(self.signed_in)}"
        self.taken.add(token)
        self._json({"access_token": token, "token_type": "Bearer", "expires_in": 3600, "id_token": identity})

    def _json(self, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the test's output to itself."""


class Gateway(Provider):
    """Hands requests with the reader's token on to the API, and refuses the others, as API Gateway does."""

    api_address = ""

    def do_GET(self) -> None:
        self._hand_on(b"")

    def do_POST(self) -> None:
        self._hand_on(self.rfile.read(int(self.headers["Content-Length"])))

    def _hand_on(self, body: bytes) -> None:
        if str(self.headers["Authorization"]).removeprefix("Bearer ") not in self.taken:
            self.send_response(401)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        kept = {name: self.headers[name] for name in ("Content-Type",) if name in self.headers}
        answer = httpx.request(self.command, self.api_address + self.path, content=body, headers=kept, timeout=60)
        self.send_response(answer.status_code)
        self.send_header("Content-Type", answer.headers["content-type"])
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
