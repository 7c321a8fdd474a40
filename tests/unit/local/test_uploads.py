"""Uploads without S3: the client's own way, and what a stranger might try."""

import errno
import json
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from settings import Settings

from api.app import Application
from client import LeukolensClient
from local import server, uploads
from local.server import application
from local.uploads import PATH, discard_old
from tests.serving import running
from tests.surroundings import free_port

SAMPLE = Path(__file__).resolve().parents[3] / "samples" / "synthetic_pro_01.png"
WAIT_S = 60.0  # whatever else the machine does
PNG = {"content_type": "image/png", "size_bytes": SAMPLE.stat().st_size}


@dataclass
class Served:
    url: str
    folder: Path

    def ticket(self) -> dict[str, str]:
        fields: dict[str, str] = httpx.post(f"{self.url}/v1/uploads", json=PNG, timeout=WAIT_S).json()["fields"]
        return fields

    def put(self, fields: dict[str, str], data: bytes) -> httpx.Response:
        return httpx.post(self.url + PATH, data=fields, files={"file": ("image", data)}, timeout=WAIT_S)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("objects")
    port = free_port()
    post_to = urlencode({"post_to": f"http://127.0.0.1:{port}{PATH}"})
    handler = Application(Settings(uploads_bucket=f"{folder.as_uri()}?{post_to}"))
    with running(application(handler, folder), port=port) as url:
        yield Served(url, folder)


def test_an_image_over_the_inline_limit_is_classified_all_the_same(served: Served):
    with LeukolensClient(served.url) as inline, LeukolensClient(served.url, inline_limit_bytes=1_000) as uploading:
        expected, found = inline.predict(SAMPLE), uploading.predict(SAMPLE)
    assert found.image.sha256 == expected.image.sha256
    assert found.probabilities == expected.probabilities


def test_a_ticket_is_good_for_one_file(served: Served):
    fields = served.ticket()
    assert served.put(fields, SAMPLE.read_bytes()).status_code == 204
    again = served.put(fields, SAMPLE.read_bytes())
    assert (again.status_code, again.headers["content-type"]) == (403, "application/problem+json")


@pytest.mark.parametrize(
    "change", [{"key": "uploads/" + "0" * 32}, {"key": "../../etc/passwd"}, {"Content-Type": "text/html"}]
)
def test_another_key_or_type_is_refused(served: Served, change: dict[str, str]):
    assert served.put(served.ticket() | change, SAMPLE.read_bytes()).status_code == 403


@pytest.mark.parametrize("data", [b"", SAMPLE.read_bytes() + b"x"])
def test_another_size_is_refused(served: Served, data: bytes):
    assert served.put(served.ticket(), data).status_code == 403


@pytest.mark.parametrize("form", [{"data": {"key": "a"}}, {"content": b"no form"}, {"files": {"key": ("a", b"a")}}])
def test_what_is_no_such_form_is_refused(served: Served, form: dict[str, object]):
    assert httpx.post(served.url + PATH, timeout=WAIT_S, **form).status_code == 400  # type: ignore[arg-type]


def test_a_file_over_every_limit_is_refused_unread(served: Served):
    headers = {"content-length": "99999999999", "expect": "100-continue"}
    with socket.create_connection(("127.0.0.1", int(served.url.rpartition(":")[2]))) as connection:
        lines = [
            f"POST {PATH} HTTP/1.1",
            "host: 127.0.0.1",
            *(f"{name}: {value}" for name, value in headers.items()),
            "",
            "",
        ]
        connection.sendall("\r\n".join(lines).encode())
        assert connection.recv(1024).startswith(b"HTTP/1.1 413 ")


def test_a_ticket_is_good_for_a_while(served: Served):
    fields = served.ticket()
    ticket = served.folder / f"{fields['key']}.ticket"
    ticket.write_text(json.dumps(json.loads(ticket.read_text()) | {"expires_s": time.time() - 1}))
    assert served.put(fields, SAMPLE.read_bytes()).status_code == 403
    assert not (served.folder / fields["key"]).exists()


def test_a_file_that_trickles_is_given_up(served: Served, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(uploads, "TAKE_S", 0.2)
    head = f"POST {PATH} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 1000\r\n"
    with socket.create_connection(("127.0.0.1", int(served.url.rpartition(":")[2])), timeout=WAIT_S) as connection:
        connection.sendall(f"{head}content-type: multipart/form-data; boundary=b\r\n\r\n--b\r\n".encode())
        assert connection.recv(1024).startswith(b"HTTP/1.1 408 ")


def test_a_disk_that_is_full_while_a_file_arrives_is_told(served: Served, monkeypatch: pytest.MonkeyPatch):
    def full(_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", full)
    answer = served.put(served.ticket(), bytes(3_000_000))
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")


def test_a_full_disk_is_told_and_leaves_nothing_behind(served: Served, monkeypatch: pytest.MonkeyPatch):
    fields, write = served.ticket(), Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        write(path, data[:10])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    answer = served.put(fields, SAMPLE.read_bytes())
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert not list(served.folder.rglob("*part*"))
    monkeypatch.undo()
    assert served.put(fields, SAMPLE.read_bytes()).status_code == 204


def test_of_two_who_hold_a_ticket_one_uses_it(served: Served):
    fields = served.ticket()
    with ThreadPoolExecutor(4) as pool:
        answers = pool.map(lambda _: served.put(fields, SAMPLE.read_bytes()).status_code, range(4))
    assert sorted(answers) == [204, 403, 403, 403]


@pytest.mark.parametrize("name", ["uploads/.part-a", "feedback/r/.part-x", "feedback/r/tmpabc1", "uploads/a.part"])
def test_what_a_killed_process_left_is_deleted_and_nothing_else(tmp_path: Path, name: str):
    left, kept = tmp_path / name, tmp_path / "feedback" / "r" / "a.json"
    for path in (left, kept):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"image")
        os.utime(path, (time.time() - 120,) * 2)
    on_its_way = left.with_name(f".part-{left.name}")
    on_its_way.write_bytes(b"ima")
    discard_old(tmp_path)
    assert (left.exists(), kept.exists(), on_its_way.exists()) == (False, True, True)
    discard_old(tmp_path, feedback_days=0)
    assert not kept.exists()


@pytest.mark.parametrize("fails_first", [False, True])
def test_what_is_old_is_deleted_while_the_server_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_first: bool
):
    tries: list[Path] = []

    def discard(folder: Path, **days: int) -> None:
        tries.append(folder)
        if fails_first and len(tries) == 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        discard_old(folder, **days)

    monkeypatch.setattr(server, "discard_old", discard)
    monkeypatch.setattr(server, "CLEANED_EVERY_S", 0.05)
    old = tmp_path / "uploads" / "old"
    with running(application(lambda *_: {"statusCode": 200}, tmp_path)):
        old.parent.mkdir()
        _write_old(old)
        until_s = time.monotonic() + WAIT_S
        while old.exists() and time.monotonic() < until_s:
            time.sleep(0.02)
    assert not old.exists()


def test_what_is_old_is_deleted_as_the_server_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("FEEDBACK_BUCKET", "UPLOADS_BUCKET", "ANSWERED_FILE"):
        monkeypatch.setenv(f"LEUKOLENS_{name}", "")
    old = tmp_path / "uploads" / "old"
    old.parent.mkdir()
    _write_old(old)
    server.keep_in(tmp_path, "http://127.0.0.1:1")
    assert not old.exists()


def _write_old(path: Path) -> None:
    path.write_bytes(b"image")
    os.utime(path, (time.time() - 100_000,) * 2)


def test_uploads_are_not_kept(tmp_path: Path):
    old, new = tmp_path / "uploads" / "old", tmp_path / "uploads" / "new"
    old.parent.mkdir()
    for path in (old, new):
        path.write_bytes(b"image")
    os.utime(old, (time.time() - 100_000,) * 2)
    discard_old(tmp_path)
    assert (old.exists(), new.exists()) == (False, True)
