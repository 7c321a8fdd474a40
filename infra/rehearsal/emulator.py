"""The local AWS emulator, MiniStack, in a process of its own with nothing in it."""

import contextlib
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.image import ROOT
from local.children import Child, answers

INTERPRETER = ROOT / ".tools" / "ministack" / "bin" / "python"
ACCOUNT = "000000000000"
_READY_S = 180.0  # one that fails is told at once


class EmulatorError(Exception):
    """The emulator cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Emulator:
    """A running emulator."""

    port: int
    region: str

    @property
    def endpoint(self) -> str:
        """Address of every service."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def credentials(self) -> dict[str, str]:
        """Variables that point every AWS client of a process at the emulator, and at no real account."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",  # the emulator takes any
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def _free_port() -> int:
    """Give a port that nothing listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def run_emulator(work: Path, *, region: str, functions: dict[str, str], port: int | None = None) -> Iterator[Emulator]:
    """Start the emulator, and end it on leaving.

    Parameters
    ----------
    work
        Takes its log and its state.
    region
        Of everything in it.
    functions
        Where each Lambda function is answered: ``host:port`` by function name.
    port
        A free one, if left out.

    Raises
    ------
    EmulatorError
        If it is not installed, or the port is taken.
    """
    if not INTERPRETER.exists():
        raise EmulatorError("the emulator is not installed: run make setup")
    if port is not None and _answers(port):
        raise EmulatorError(f"port {port} is in use, perhaps by an emulator: leave the port out, or end what uses it")
    emulator = Emulator(port or _free_port(), region)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(work),
        "STATE_DIR": str(work / "state"),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(emulator.port),
        "MINISTACK_REGION": region,
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        # Listeners on fixed ports, which two rehearsals at once would fight for.
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        **{f"MINISTACK_LAMBDA_PROXY_{name}": f"http://{address}/" for name, address in functions.items()},
    }
    with Child("ministack", ["ministack"], work, environment, str(INTERPRETER)) as child:
        child.wait_until(lambda: answers(f"{emulator.endpoint}/_ministack/health"), _READY_S)
        yield emulator


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
