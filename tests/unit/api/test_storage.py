"""Stores as they fail, and what they never write. S3 over a real connection, for moto never breaks one off."""

import errno
import os
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.errors import InvalidRequest, StorageUnavailable
from api.storage import Bucket, Folder


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


@pytest.mark.parametrize(
    "key", ["../out", "a/../../out", "a/./b", "/etc/passwd", "a//b", "", "a/", "..", "a\\..\\b", "a\nb", "a/.../b"]
)
@pytest.mark.parametrize("write", ["write", "write_once"])
def test_nothing_is_written_outside_a_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: str, key: str
) -> None:
    store = tmp_path / "store"
    store.mkdir()
    with pytest.raises(InvalidRequest):
        getattr(Folder(store), write)(key, b"x", "text/plain")
    assert list(tmp_path.rglob("*")) == [store]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(InvalidRequest):  # before anything is asked of S3
        getattr(Bucket("store"), write)(key, b"x", "text/plain")


def test_nothing_is_read_or_erased_outside_a_store(tmp_path: Path) -> None:
    store, secret = tmp_path / "store", tmp_path / "outside" / "secret"
    for folder in (store, secret.parent):
        folder.mkdir()
    secret.write_bytes(b"x")
    (store / "link").symlink_to(secret)
    for key in ("../outside/secret", "a/../../outside/secret", str(secret), "link"):
        assert Folder(store).read(key, 100) is None
    for prefix in ("../outside/", "a/../../outside/", f"{secret.parent}/"):
        with pytest.raises(InvalidRequest):
            Folder(store).erase(prefix)
    assert secret.read_bytes() == b"x"


def test_a_link_leads_no_write_out_of_its_store(tmp_path: Path) -> None:
    store, outside = tmp_path / "store", tmp_path / "outside"
    store.mkdir()
    outside.mkdir()
    (store / "link").symlink_to(outside)
    with pytest.raises(InvalidRequest):
        Folder(store).write("link/a", b"x", "text/plain")
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("step", ["fsync", "replace", "hardlink_to"])
def test_a_full_disk_is_told_and_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os if step == "fsync" else Path, step, full)
    store = Folder(tmp_path)
    with pytest.raises(StorageUnavailable):
        (store.write_once if step == "hardlink_to" else store.write)("a/b", b"x", "text/plain")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
