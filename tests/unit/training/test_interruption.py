"""Runs that end before their time: told to, killed, or cut off from the server."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from training import cli, tracking
from training.cli import main
from training.tracking.journal import journals


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give the address of a local store, which is also where runs go."""
    uri = f"sqlite:///{tmp_path_factory.getbasetemp()}/ended/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    return uri


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("LEUKOLENS_TRACKING", "LEUKOLENS_SWEEP", "LEUKOLENS_PARENT_RUN", "MLFLOW_EXPERIMENT_NAME"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def _handlers() -> Iterator[None]:
    """Put back what a test does to signals."""
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, *cli.ENDING)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for one, handler in before.items():
        signal.signal(one, handler)


@pytest.mark.usefixtures("_handlers")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_told_to_end_says_so(store: str, tmp_path: Path, number: signal.Signals) -> None:
    for one in cli.ENDING:
        signal.signal(one, signal.SIG_DFL)
    cli.listen()
    with pytest.raises(KeyboardInterrupt), tracking.run("stopped", folder=tmp_path / "kept"):
        signal.raise_signal(number)
    (journal,) = journals(tmp_path / "kept")
    assert MlflowClient(store).get_run(str(journal.sent(store).run_id)).info.status == "KILLED"


@pytest.mark.usefixtures("_handlers")
def test_what_nohup_ignores_stays_ignored() -> None:
    for one in cli.ENDING:
        signal.signal(one, signal.SIG_IGN)
    cli.listen()
    assert all(signal.getsignal(one) is signal.SIG_IGN for one in cli.ENDING)


KILLED_WHILE_IT_WRITES = """
from pathlib import Path
from training.tracking.journal import Journal
journal = Journal.begin(Path("kept"), "killed")
with journal.write_lock():
    journal.write("begin", name="killed", parameters={}, tags={})
    print(journal.folder, flush=True)
    input()
"""


def test_a_run_whose_process_was_killed_is_ended_by_the_next_sync(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", KILLED_WHILE_IT_WRITES], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    folder = Path(writer.stdout.readline().strip())
    try:
        assert main(["sync", str(folder)]) == 0
        (sent,) = json.loads((folder / "sent.json").read_text())
        run_id = str(sent["run_id"])
        assert MlflowClient(store).get_run(run_id).info.status == "RUNNING"
    finally:
        writer.kill()
        writer.communicate()
    with tracking.run("the next one", folder=tmp_path / "kept"):
        pass
    assert MlflowClient(store).get_run(run_id).info.status == "KILLED"
    assert main(["sync", str(tmp_path / "kept")]) == 0
    assert "has every run" in capsys.readouterr().out


def test_a_beginning_that_was_cut_off_makes_no_second_run(
    store: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "cut off")
    refusals = iter([True])
    log_batch = MlflowClient.log_batch

    def refuse_once(client: MlflowClient, *given: object, **named: object) -> None:
        if next(refusals, False):
            raise ConnectionError("the server went away")
        log_batch(client, *given, **named)

    monkeypatch.setattr(MlflowClient, "log_batch", refuse_once)
    with tracking.run("once", parameters={"epochs": 2}, folder=tmp_path / "kept"):
        pass
    client = MlflowClient(store)
    experiment = client.get_experiment_by_name("cut off")
    (found,) = client.search_runs([experiment.experiment_id])
    assert (found.info.status, found.data.params) == ("FINISHED", {"epochs": "2"})
