"""``python -m client batch`` against the state machine's own definition and the service's own code."""

import csv
import json
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pyarrow import parquet

from client.cli import main
from infra.rehearsal.account import ID, Request
from infra.rehearsal.emulator import ACCOUNT
from infra.stack import Output
from tests.infra.calls import Call, requests
from tests.infra.roles import hold
from tests.infra.synthesis import deployed_account
from tests.surroundings import free_port

pytestmark = pytest.mark.rehearsal

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = (ROOT / "samples" / "synthetic_pre_01.png").read_bytes()


def _run(account, *arguments):
    command = [*account.command, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=account.environment, capture_output=True, text=True, timeout=300)


def test_a_batch_is_started_followed_and_downloaded_with_its_failures(account, tmp_path):
    place = account.put("mixed", a=SAMPLE, b=SAMPLE + b"\0", notes=b"Dear laboratory", broken=SAMPLE)
    done = _run(account, place, "--wait", "--output", tmp_path / "results.parquet")
    assert done.returncode == 1, done.stdout + done.stderr
    rows = {row["key"]: row for row in parquet.read_table(tmp_path / "results.parquet").to_pylist()}
    assert set(rows) == {"mixed/a", "mixed/b", "mixed/notes", "mixed/broken"}
    assert rows["mixed/a"]["summary"]
    assert rows["mixed/a"]["triage_verdict"] in ("accepted", "uncertain", "out_of_distribution")
    told = [value for name, value in rows["mixed/a"].items() if name.startswith("probability_") and value is not None]
    assert abs(sum(told) - 1) < 1e-3 or rows["mixed/a"]["verdict"] == "out_of_distribution"
    assert "notes" not in rows["mixed/notes"]["error"]
    assert rows["mixed/notes"]["error"].startswith("Not an image")
    assert rows["mixed/broken"]["error"] == "the call for it failed"
    assert "no answer: mixed/broken: the call for it failed" in done.stdout
    assert "Research use only" in done.stderr


def test_without_waiting_it_prints_the_execution_and_how_to_follow_it(account, tmp_path):
    started = _run(account, account.put("later", a=SAMPLE))
    assert started.returncode == 0, started.stderr
    arn = started.stdout.strip()
    assert f"batch --follow {arn}" in started.stderr.replace("\n", " ")
    followed = _run(account, "--follow", arn, "--output", tmp_path / "results.csv")
    assert followed.returncode == 0, followed.stderr
    with (tmp_path / "results.csv").open(newline="") as file:
        assert [line["key"] for line in csv.DictReader(file)] == ["later/a"]


def test_interrupted_it_stops_following_and_not_the_batch(account, tmp_path):
    place = account.put("interrupted", held=SAMPLE, another=SAMPLE)
    command = [*account.command, place, "--wait", "--output", str(tmp_path / "results.csv")]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=account.environment,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever runs the tests in the background has Ctrl-C ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        started = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        told = process.stderr.read()
    account.let_go.set()
    assert process.returncode == 130
    assert "Traceback" not in told
    again = shlex.split(re.search(r"To go on: (.*)", told)[1])
    assert again[:5] == ["python", "-m", "client", "batch", "--follow"]
    assert again[5] in started
    done = _run(account, *again[4:])
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "results.csv").read_text().splitlines()) == 3


def test_a_batch_that_fails_says_why_and_where_its_lines_are(account):
    done = _run(account, account.put("bad", broken1=SAMPLE, broken2=SAMPLE), "--wait")
    assert done.returncode == 4
    assert "ended as FAILED: States.ExceedToleratedFailureThreshold" in done.stderr
    assert re.search(r"s3://smears-results/batches/\S+/lines/", done.stderr)


# The client's own calls; in this process the functions answer as well.
_NOTING = """
import json, sys
from pathlib import Path
from client.cli import main
sys.path.insert(0, "tests/infra")
from calls import recorded
with recorded() as calls:
    code = main(sys.argv[2:])
told = [(call.service, call.operation, call.params) for call in calls]
Path(sys.argv[1]).write_text(json.dumps(told, default=str))
sys.exit(code)
"""
# Allowed, and not asked in a batch that goes well: another's executions to look for, and one to end.
_SPARE = {"states:ListExecutions", "states:StopExecution"}


def test_whoever_runs_a_batch_asks_for_what_the_operators_policy_allows_and_no_more(account, tmp_path):
    """Started, followed and downloaded: each call of the client, held against the deployed policy."""
    deployed = deployed_account(tmp_path / "cdk")
    place = account.put("policy", a=SAMPLE, notes=b"Dear laboratory")
    noted = tmp_path / "calls.json"
    command = [sys.executable, "-c", _NOTING, str(noted), "batch", place, "--wait"]
    done = subprocess.run(
        [*command, "--output", str(tmp_path / "results.csv")],
        cwd=ROOT,
        env=account.environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert noted.exists(), done.stderr
    calls = [Call(*call) for call in json.loads(noted.read_text())]
    names = {
        "smears-data": deployed.output("Storage", Output.DATA_BUCKET_NAME),
        "smears-results": deployed.output("Storage", Output.RESULTS_BUCKET_NAME),
        ACCOUNT: ID,
    }

    def renamed(text):
        for old, new in names.items():
            text = text.replace(old, new)
        return text

    asked = [Request(one.action, renamed(one.resource), one.context) for one in requests(calls, deployed)]
    assert {"states:StartExecution", "states:DescribeExecution", "s3:GetObject"} <= {one.action for one in asked}
    policy = deployed.statements("Leukolens-Dev-Batch/Operators")
    hold("batch operator (people)", policy, asked, _SPARE)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["s3://smears-data/nothing/", "--wait"], 2, "no object's key begins so"),
        (["s3://elsewhere/slides/"], 2, "batches read the bucket smears-data only"),
        (["slides/"], 2, "is no place in S3"),
        ([], 2, "Give either"),
        (["s3://smears-data/mixed/", "--env", "prod"], 3, "there is no such state machine"),
        (["s3://smears-data/mixed/", "--output", "results.txt"], 2, "must end in .parquet or .csv"),
        (["--follow", "arn:aws:states:eu-central-1:000000000000:execution:x:y"], 3, "there is no such execution"),
    ],
)
@pytest.mark.usefixtures("account")
def test_a_mistake_is_one_readable_message(capsys, arguments, code, told):
    assert main(["batch", *arguments]) == code
    printed = capsys.readouterr()
    assert told in printed.err
    assert len(printed.err.strip().splitlines()) == 1
    assert not printed.out


@pytest.mark.usefixtures("account")
def test_an_address_where_nothing_answers_is_told(capsys):
    nowhere = f"http://127.0.0.1:{free_port()}"
    assert main(["batch", "s3://smears-data/mixed/", "--endpoint-url", nowhere]) == 3
    assert nowhere in capsys.readouterr().err
