"""S3 as it fails: over a real connection, for moto never breaks one off."""

import socketserver
import threading
from collections.abc import Iterator

import pytest

from api.errors import StorageUnavailable
from api.storage import Bucket


class _BreaksOff(socketserver.StreamRequestHandler):
    """Promises more of the object than it sends."""

    def handle(self) -> None:
        while self.rfile.readline().strip():
            pass
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf of a smear")


@pytest.fixture
def broken_s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _BreaksOff) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_address[1]}")
        yield
        server.shutdown()


def test_a_transfer_that_breaks_off_is_storage_that_does_not_answer(broken_s3: None) -> None:
    with pytest.raises(StorageUnavailable, match="try again"):
        Bucket("smears-test").read("field.jpg", 10_000)
