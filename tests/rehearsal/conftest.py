"""The batch's state machine in the emulator, with the service's own code behind its functions."""

import contextlib
import dataclasses
import functools
import io
import json
import os
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra.environments import load_environment
from infra.rehearsal.emulator import ACCOUNT, INTERPRETER, Emulator, run_emulator
from infra.stacks.batch_definition import definition

ROOT = Path(__file__).resolve().parents[2]
CLASSIFY, SUMMARISE = "leukolens-dev-batch", "leukolens-dev-summary"
DATA, RESULTS = "smears-data", "smears-results"
REGION = "eu-central-1"
# Calls for a key with "held" in it wait for this.
LET_GO = threading.Event()


@dataclasses.dataclass(frozen=True)
class Account:
    """What the tests of the batch's command use."""

    emulator: Emulator
    let_go: threading.Event

    def client(self, service: str) -> Any:
        credentials = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}
        return boto3.client(service, endpoint_url=self.emulator.endpoint, **credentials)

    def put(self, prefix: str, **bodies: bytes) -> str:
        """Put objects below a prefix, and give the place."""
        for name, body in bodies.items():
            self.client("s3").put_object(Bucket=DATA, Key=f"{prefix}/{name}", Body=body)
        return f"s3://{DATA}/{prefix}/"

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", "client", "batch"]

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, **self.emulator.credentials}


@pytest.fixture(scope="module")  # so that its addresses and keys leave the environment before other tests
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """Start the emulator, and make buckets, functions and the state machine in it."""
    if not INTERPRETER.exists():
        pytest.skip("no emulator: run make setup")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Function)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"127.0.0.1:{server.server_port}"
    work = tmp_path_factory.mktemp("emulator")
    with run_emulator(work, region=REGION, functions={CLASSIFY: address, SUMMARISE: address}) as emulator:
        given = Account(emulator, LET_GO)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in emulator.credentials.items():
                patch.setenv(name, value)
            _build(given)
            _service()  # loads the model before the first call
            yield given
    server.shutdown()
    server.server_close()


def _build(account: Account) -> None:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("handler.py", "")  # never runs: the emulator asks our server
    for bucket in (DATA, RESULTS):
        account.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    role = f"arn:aws:iam::{ACCOUNT}:role/batch"
    arns = [
        account.client("lambda").create_function(
            FunctionName=name,
            Role=role,
            Runtime="python3.13",
            Handler="handler.handler",
            Code={"ZipFile": code.getvalue()},
            Timeout=300,
        )["FunctionArn"]
        for name in (CLASSIFY, SUMMARISE)
    ]
    settings = load_environment("dev").batch.model_copy(
        # The emulator knows no ItemBatcher; half of the calls may fail.
        update={"items_per_batch": 1, "tolerated_failure_percentage": 50, "max_concurrency": 1}
    )
    steps = definition(settings, data_bucket=DATA, results_bucket=RESULTS, classify_arn=arns[0], summarise_arn=arns[1])
    # A failed call is made again after seconds; here, at once not at all.
    del steps["States"]["Classify every field"]["ItemProcessor"]["States"]["Classify"]["Retry"]
    account.client("stepfunctions").create_state_machine(
        name="leukolens-dev-batch", definition=json.dumps(steps), roleArn=role
    )


class _Function(BaseHTTPRequestHandler):
    """Both functions, by the service's own code; a key may ask for a call that waits or for one that fails."""

    def do_POST(self) -> None:
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            answer = _summarise(event) if "folder" in event else _classify(event)
        except RuntimeError as error:
            self._reply(500, {"errorMessage": str(error), "errorType": "RuntimeError"})
        else:
            self._reply(200, answer)

    def _reply(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        with contextlib.suppress(BrokenPipeError):  # who asked has given up
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@functools.cache
def _service() -> Any:
    from settings import Settings

    from api.service import Service

    return Service(Settings())


def _classify(event: dict[str, Any]) -> dict[str, Any]:
    from api.batch import run

    keys = [item["Key"] for item in event["Items"]]
    if any("broken" in key for key in keys):
        raise RuntimeError("out of memory")
    if any("held" in key for key in keys):
        LET_GO.wait()
    return run(_service(), event).model_dump()


def _summarise(event: dict[str, Any]) -> dict[str, Any]:
    from summary import run

    return run(event).model_dump()
