"""Run another program to its end, or end it and everything that it started."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_TIMEOUT_S = 600.0
_SHOWN_CHARACTERS = 4000


class ProgramError(Exception):
    """A program failed or took too long; the message holds the command and the end of what it printed."""


def run_program(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    expected: int = 0,
) -> str:
    """Run a program without input, and give what it printed.

    The program gets a process group of its own, which ends as a whole when we are interrupted: the CDK CLI starts the
    app in a shell, and the app starts Node.

    Raises
    ------
    ProgramError
        If it ends with another status than ``expected``, or not in time.
    """
    process = None
    try:
        with _signals_held():
            process = subprocess.Popen(  # noqa: S603 - callers give programs of this project
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        printed, _ = process.communicate(timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise ProgramError(f"{' '.join(command)} did not end within {_TIMEOUT_S:g} s") from None
    finally:
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if process.returncode != expected:
        raise ProgramError(f"{' '.join(command)} ended with {process.returncode}:\n{printed[-_SHOWN_CHARACTERS:]}")
    return printed


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """Hold SIGINT and SIGTERM back until a program that is being started is known, and so can be ended."""
    received: list[int] = []
    kept = {
        number: signal.signal(number, lambda got, _: received.append(got)) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
        for got in received:
            signal.raise_signal(got)
