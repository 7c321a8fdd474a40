"""``python -m benchmarks [PART...]``: measure all parts, or some.

Each writes benchmarks/results/<part>.json; docs/benchmarks.md and its figures are made from these files, and so is
docs/scale.md.
"""

import argparse
import signal
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console

from terminal import open_console

from . import machine, report
from .one import INTERRUPTED
from .parts import PARTS, WHOLE_S, Part

STOP_S = 20.0


def main() -> int:
    """Run the parts in turn; gives 1 where one of them failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = [part.name for part in PARTS]
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(names))
    parser.add_argument("--report", action="store_true", help="measure nothing; write the pages from the results")
    parser.add_argument(
        "--model", action="append", default=[], type=Path, metavar="FILE", help="a further TFLite file for `limit`"
    )
    options = parser.parse_args()
    unknown = sorted(set(options.parts) - set(names))
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(names)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))
    console = open_console()
    chosen = [] if options.report else [part for part in PARTS if part.name in (options.parts or names)]
    failed = _measure(chosen, console, options.model)
    console.print(f"Tables: {', '.join(str(path.relative_to(machine.ROOT)) for path in report.write())}")
    if failed:
        console.print(f"[red]Not measured: {', '.join(failed)}[/red]; see above, and run `python -m benchmarks NAME`.")
    return 1 if failed else 0


def _measure(chosen: list[Part], console: Console, models: list[Path]) -> list[str]:
    failed = []
    started_s = time.monotonic()
    for number, part in enumerate(chosen, 1):
        limits = f"at most about {part.budget_s:.0f} s"
        console.print(f"[bold]{number} of {len(chosen)}: {part.name}[/bold], {part.what} ({limits})")
        begun_s = time.monotonic() - started_s
        # What earlier parts left over may be used up, but not what later ones will want.
        limit_s = WHOLE_S - begun_s - sum(later.budget_s for later in chosen[number:])
        if not _run_in_process(part, models, limit_s, console):
            failed.append(part.name)
        total_s = time.monotonic() - started_s
        timing = f"{part.name} took {total_s - begun_s:.0f} s of {part.budget_s:.0f}"
        console.print(f"{timing}; so far {total_s / 60:.1f} of at most {WHOLE_S / 60:.0f} min")
    return failed


def _run_in_process(part: Part, models: list[Path], limit_s: float, console: Console) -> bool:
    model_options = [word for path in models if part.takes_models for word in ("--model", str(path.resolve()))]
    command = [sys.executable, "-m", "benchmarks.one", part.name, *model_options]
    with subprocess.Popen(command, cwd=machine.ROOT) as process:
        try:
            return process.wait(limit_s) == 0
        except subprocess.TimeoutExpired:
            console.print(f"[red]{part.name} was ended after {limit_s:.0f} s[/red]: all have {WHOLE_S / 60:.0f} min")
            return False
        finally:
            _terminate(process)


def _terminate(process: "subprocess.Popen[bytes]") -> None:
    """Let a part end what it started, where it still runs."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()


if __name__ == "__main__":
    sys.exit(main())
