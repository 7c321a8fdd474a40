"""The whole system once, on this machine: API and page up, the sample images classified through the API."""

import contextlib
import importlib.util
import os
import signal
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, track
from rich.text import Text

from api.schemas import RESEARCH_USE_WARNING
from client import LeukolensClient, LeukolensError
from terminal import Table, open_console

from .children import Child, answers
from .expectation import compare, introduce, next_step
from .fields import ROOT, Field, demonstration_fields
from .server import StartError, address, bind

HOST = "127.0.0.1"
LOGS = ROOT / ".work" / "demo"
READY_S = 180.0  # the first start compiles Streamlit; one that fails is told at once
INTERRUPTED = 130  # what a shell gives for a program that SIGINT ended


def demo(port: int, page_port: int, *, once: bool) -> int:
    """Show the system; without ``once``, until Ctrl-C or SIGTERM.

    Returns
    -------
    int
        Exit code: 0 only if every image was answered.

    Raises
    ------
    StartError
        When a port is taken.
    ChildError
        When the API or the page does not come up, or ends.
    """
    console = open_console()
    for wanted, option in ((port, "PORT"), (page_port, "PAGE_PORT")):
        with _naming(option), bind(HOST, wanted):
            pass  # free: told before anything starts
    LOGS.mkdir(parents=True, exist_ok=True)
    code = INTERRUPTED
    with _terminated_as_interrupted(), contextlib.suppress(KeyboardInterrupt), contextlib.ExitStack() as stack:
        children = _start(console, stack, port, page_port)
        fields = demonstration_fields()
        code = 1 if _classify(console, address(HOST, port), fields) else 0
        console.print(f"API:  {address(HOST, port)}/v1/predictions (contract: {address(HOST, port)}/openapi.json)")
        if len(children) > 1:
            console.print(f"Page: {address(HOST, page_port)}")
        console.print(f"[bold]{RESEARCH_USE_WARNING}[/]")
        console.print(f"Next: {next_step(fields)}", highlight=False)
        if not once:
            console.print("Ctrl-C stops it all.")
        while not once:
            for child in children:
                child.check()
            time.sleep(0.5)
    return code


def _start(console: Console, stack: contextlib.ExitStack, port: int, page_port: int) -> list[Child]:
    environment = os.environ | {"LEUKOLENS_API_URL": address(HOST, port), "PYTHONUNBUFFERED": "1"}
    commands = {"api": ["local", "serve", "--host", HOST, "--port", str(port)]}
    ready_urls = {"api": f"{address(HOST, port)}/v1/health"}
    if importlib.util.find_spec("frontend.__main__"):
        commands["page"] = ["frontend", "--host", HOST, "--port", str(page_port)]
        ready_urls["page"] = f"{address(HOST, page_port)}/"
    # Both start at once; then each is waited for.
    children = {
        name: stack.enter_context(Child(name, command, LOGS, environment)) for name, command in commands.items()
    }
    columns = (SpinnerColumn(finished_text="[green]ok[/]"), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        for name, child in children.items():
            task = progress.add_task(f"Starting the {name}", total=1)
            child.wait_until(lambda url=ready_urls[name]: answers(url), READY_S)  # type: ignore[misc]
            progress.update(task, completed=1)
    return list(children.values())


def _classify(console: Console, url: str, fields: list[Field]) -> int:
    """Classify every image, print what was expected beside the answer, and give the number that failed."""
    table = Table(["file", "expected", "answer", "as expected"], title=introduce(fields))
    failed, taken_ms = 0, []
    with LeukolensClient(url) as leukolens:
        for field in track(fields, "Classifying", console=console, transient=True):
            start_s = time.perf_counter()
            try:
                answer = leukolens.predict(field.path)
            except (LeukolensError, OSError) as error:
                failed += 1
                table.add(_name(field), "an answer", Text(f"failed: {error}", style="red"), "no")
            else:
                seen = compare(field, answer)
                table.add(_name(field), seen.expected, seen.answer, Text(seen.outcome, style=seen.style))
                taken_ms.append((time.perf_counter() - start_s) * 1000)
    table.write(console)
    if taken_ms:
        console.print(f"{len(taken_ms)} answers, one in {statistics.median(taken_ms):.0f} ms (median).")
    return failed + (not fields)


def _name(field: Field) -> str:
    return str(Path(*field.path.parts[-2:]))


@contextlib.contextmanager
def _naming(option: str) -> Iterator[None]:
    """Name the make variable that chooses another port."""
    try:
        yield
    except StartError as error:
        raise StartError(f"{error} With make: {option}=number.") from error


@contextlib.contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the demonstration as Ctrl-C does, so that its children end, too."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    numbers = (signal.SIGTERM, signal.SIGHUP)
    previous = [signal.signal(number, interrupt) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, previous, strict=True):
            signal.signal(number, handler)
