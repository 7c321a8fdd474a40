"""Servers that lack something, fail at something, alternate; and a store that many begin at once."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.unit.training import mlflow_server
from tests.unit.training.mlflow_server import Server
from training import tracking
from training.cli import main
from training.tracking.journal import journals
from training.tracking.server import connect

pytestmark = pytest.mark.usefixtures("tracked")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a store that holds no run: making its tables takes seconds."""
    file = tmp_path_factory.mktemp("store") / "empty.db"
    connect(f"sqlite:///{file}")
    return file


@pytest.fixture
def here(empty: Path, tmp_path: Path) -> str:
    """Give the address of a store of this machine."""
    return f"sqlite:///{shutil.copy(empty, tmp_path / 'here.db')}"


@pytest.fixture
def server(empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Serve MLflow, and name it as the place of runs."""
    shutil.copy(empty, tmp_path / "served.db")
    with mlflow_server.running(tmp_path) as started:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", started.uri)
        yield started


def told_a_model(run: tracking.Run, folder: Path) -> None:
    """Say what a training says at its end: a file, a version of the registry, and a number."""
    (folder / "model.json").write_text("{}")
    run.file(folder / "model.json", "files")
    run._record_event("register", name="leukolens", source="files", tags={"version": "1.0.0"})
    run.metrics({"accuracy": 0.5})


def test_a_server_without_a_registry_gets_the_run_whole_and_ended(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.lacks("/registered-models/")  # as DagsHub's: https://github.com/DagsHub/client/issues/629
    with tracking.run("first") as first:
        told_a_model(first, tmp_path)
    with tracking.run("second") as second:
        second.metrics({"accuracy": 0.7})
    client = MlflowClient(server.uri)
    for run, value in ((first, 0.5), (second, 0.7)):
        found = client.get_run(str(run.run_id))
        assert (found.info.status, found.data.metrics["accuracy"]) == ("FINISHED", value)
    said = capsys.readouterr().err
    assert said.count("does not take all of it (register: ") == 1
    assert main(["sync"]) == 0
    assert "has every run" in capsys.readouterr().out


def test_what_a_server_fails_at_blocks_nothing_and_is_sent_later(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.lacks("/mlflow-artifacts/", 500)
    for name in ("first", "second"):
        with tracking.run(name) as run:
            told_a_model(run, tmp_path)
    assert "file: " in capsys.readouterr().err
    client = MlflowClient(server.uri)
    runs = [client.get_run(str(journal.sent(server.uri).run_id)) for journal in journals(tracking.FOLDER)]
    assert [(run.info.status, run.data.metrics["accuracy"]) for run in runs] == [("FINISHED", 0.5)] * 2
    assert main(["sync"]) == 1
    told = capsys.readouterr()
    assert told.out == f"0 runs sent to {server.uri}\n"
    (line,) = told.err.splitlines()  # one for what they have in common, and not one a run
    assert line.startswith("sync: 2 runs, the first ")
    server.answers.clear()
    assert main(["sync"]) == 0
    assert f"2 runs sent to {server.uri}" in capsys.readouterr().out
    for run in runs:
        assert [one.path for one in client.list_artifacts(run.info.run_id, "files")] == ["files/model.json"]


def test_servers_that_alternate_get_each_run_once(
    server: Server, here: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with tracking.run("once") as run:
        run.metrics({"accuracy": 0.5})
    for uri in (here, server.uri, here, server.uri):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        assert main(["sync"]) == 0
    assert capsys.readouterr().out.count("has every run") == 3
    for uri in (here, server.uri):
        client = MlflowClient(uri)
        assert len(client.search_runs([client.get_experiment_by_name("leukolens").experiment_id])) == 1


def test_what_was_remembered_of_one_server_alone_is_still_read(tmp_path: Path, server: Server) -> None:
    with tracking.run("old"):
        pass
    (journal,) = journals(tracking.FOLDER)
    before = {"uri": "http://elsewhere", "run_id": "abc", "events": 1}
    (journal.folder / "sent.json").write_text(json.dumps(before))
    assert journal.sent("http://elsewhere").run_id == "abc"
    assert journal.sent(server.uri).events == 0


def test_files_of_a_store_on_this_machine_are_on_the_disk_once(
    here: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", here)
    (tmp_path / "model.tflite").write_bytes(b"weights")
    with tracking.run("once") as run:
        run.file(tmp_path / "model.tflite", "files")
    (journal,) = journals(tracking.FOLDER)
    stored = tmp_path / "mlartifacts" / str(run.run_id) / "artifacts" / "files"
    fetched = MlflowClient(here).download_artifacts(str(run.run_id), "files")
    assert Path(fetched, "model.tflite").read_bytes() == b"weights"
    assert (stored / "model.tflite").samefile(journal.files / "files" / "model.tflite")


@pytest.mark.parametrize("ending", [KeyboardInterrupt, None])
def test_a_job_that_is_started_again_goes_on_with_its_run(server: Server, ending: type[BaseException] | None) -> None:
    told = {"parameters": {"epochs": 2}, "tags": {"sagemaker.job": "one"}, "resume_tag": "sagemaker.job"}
    if ending is None:  # killed: its run stays RUNNING, and the next container knows nothing of its journal
        cut_off = tracking.run("one", folder=Path("first"), **told)
        first = cut_off.__enter__()
        first.epoch(1, {"loss": 2.0})
    else:
        with suppress(ending), tracking.run("one", folder=Path("first"), **told) as first:
            first.epoch(1, {"loss": 2.0})
            raise ending
    with tracking.run("one", folder=Path("second"), **told) as second:
        second.epoch(2, {"loss": 1.0})
    assert second.run_id == first.run_id
    client = MlflowClient(server.uri)
    history = client.get_metric_history(str(first.run_id), "loss")
    assert [(one.step, one.value) for one in history] == [(1, 2.0), (2, 1.0)]
    assert client.get_run(str(first.run_id)).info.status == "FINISHED"
    with tracking.run("one", folder=Path("third"), **told) as third:  # after the end, it is another
        pass
    assert third.run_id != first.run_id


def test_a_run_tells_who_ran_what_and_why_it_failed(server: Server) -> None:
    with pytest.raises(ValueError, match="too few"), tracking.run("failing") as run:
        raise ValueError("too few fields:\n  3 of Benign")
    found = MlflowClient(server.uri).get_run(str(run.run_id))
    assert found.info.status == "FAILED"
    assert found.data.tags["leukolens.failure"] == "ValueError: too few fields: 3 of Benign"
    assert found.data.tags["mlflow.source.name"].startswith("python -m training")
    assert found.data.tags["mlflow.user"]


BEGIN = """
import sys
from training.tracking.server import connect, experiment_id
client = connect(sys.argv[1])
print(client.create_run(experiment_id(client, "leukolens")).info.run_id)
"""


@pytest.mark.slow
def test_processes_begin_a_store_at_once(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    begun = [subprocess.Popen([sys.executable, "-c", BEGIN, uri], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    ids = [process.communicate(timeout=600)[0].strip() for process in begun]
    assert [process.returncode for process in begun] == [0] * 2
    client = MlflowClient(uri)
    assert {client.get_run(one).info.run_id for one in ids} == set(ids)
