"""What `doctor` finds of machine and server: one line each, what to do beside it, and no waiting for who is away."""

import csv
import socket
from pathlib import Path

import pytest
from werkzeug.wrappers import Response

from training import doctor
from training.cli import main

from .mlflow_server import running


@pytest.fixture(autouse=True)
def _here(tracked: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "PATIENCE_S", 2)
    for needed in ("MEMORY_BYTES", "FREE_BYTES"):  # what else runs on this machine is no matter here
        monkeypatch.setattr(doctor, needed, 1)


def examined(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, dict[str, str]]]:
    code = main(["doctor", "--format", "csv"])
    return code, {row["what"]: row for row in csv.DictReader(capsys.readouterr().out.splitlines())}


def test_a_machine_that_has_all_stays_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert len(lines[0].split("  ")) > 1
    for what in ("python", "leukolens", "tensorflow", "mlflow", "cores", "GPU", "memory", "disk", "MLflow", "AWS"):
        assert sum(line.startswith(f"{what} ") for line in lines) == 1, what
    assert printed.err == ""
    assert list(tmp_path.iterdir()) == []


def test_what_is_missing_is_named_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "NEEDED", ("keras", "no-such-package"))
    monkeypatch.setattr(doctor, "FREE_BYTES", 10**18)
    code, rows = examined(capsys)
    assert code == 1
    assert rows["keras"]["state"] == "ok"
    lacking = rows["no-such-package"]
    assert (lacking["state"], lacking["what to do"]) == ("missing", "install everything: make setup")
    (disk,) = (row for what, row in rows.items() if what.startswith("disk at "))
    assert "make room" in disk["what to do"]


def test_a_server_that_never_answers_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "PATIENCE_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://user:secret@127.0.0.1:{silent.getsockname()[1]}")
        code, rows = examined(capsys)
    assert code == 1
    assert "does not answer (ReadTimeout)" in rows["MLflow"]["found"]
    assert "secret" not in rows["MLflow"]["found"]
    assert "MLFLOW_TRACKING_URI" in rows["MLflow"]["what to do"]


def test_a_server_of_another_version_without_a_registry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(tmp_path) as server:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
        code, rows = examined(capsys)
        assert (code, rows["model registry"]["found"]) == (0, "there")
        server.lacks("registered-models")
        server.answers.append(lambda request: Response("2.9.1") if request.path == "/version" else None)
        code, rows = examined(capsys)
        assert code == 0
        assert rows["MLflow"]["found"] == f"{server.uri}, version 2.9.1"
        assert rows["MLflow's version"]["found"].startswith("2.9.1 there, 3.")
        assert rows["model registry"]["found"] == "none on this server"
        server.lacks("experiments", 401)
        code, rows = examined(capsys)
    assert code == 1
    assert "MLFLOW_TRACKING_PASSWORD" in rows["MLflow"]["what to do"]


def test_a_file_that_is_no_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.db").write_bytes(b"no database at all")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/broken.db")
    code, rows = examined(capsys)
    assert code == 1
    assert "no store of MLflow's" in rows["MLflow"]["found"]
