"""``python -m benchmarks [PART...]``: measure all parts, or some.

Each writes benchmarks/results/<part>.json; docs/benchmarks.md and its figures are made from these files.
"""

import argparse
import importlib
import signal
import sys
import time
from pathlib import Path

from rich.console import Console

from . import machine, report
from .budget import Budget
from .parts import PARTS, Part

INTERRUPTED = 143  # as a shell counts SIGTERM


def main() -> int:
    """Run the parts in turn; gives 1 where one of them failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = [part.name for part in PARTS]
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(names))
    parser.add_argument("--report", action="store_true", help="measure nothing; write the page from the results")
    parser.add_argument(
        "--model", action="append", default=[], type=Path, metavar="FILE", help="a further TFLite file for `limit`"
    )
    options = parser.parse_args()
    unknown = sorted(set(options.parts) - set(names))
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(names)}")
    # Ended from outside, the servers under test are ended, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))
    console = Console()
    if not console.is_terminal:
        console.width = 140
    chosen = [] if options.report else [part for part in PARTS if part.name in (options.parts or names)]
    failed = _measure(chosen, console, options.model)
    console.print(f"Tables: {report.write().relative_to(machine.ROOT)}")
    if failed:
        console.print(f"[red]Not measured: {', '.join(failed)}[/red]; see above, and run `python -m benchmarks NAME`.")
    return 1 if failed else 0


def _measure(chosen: list[Part], console: Console, models: list[Path]) -> list[str]:
    failed = []
    started_s = time.monotonic()
    for number, part in enumerate(chosen, 1):
        console.rule(f"{number} of {len(chosen)}: {part.name}, {part.what} (about {part.budget_s:.0f} s)")
        budget = Budget(part.budget_s)
        try:
            measure = importlib.import_module(f".{part.module}", __package__).measure
            measure(console, budget, **({"models": models} if part.takes_models else {}))
        except Exception:  # noqa: BLE001 - one part that cannot run here must not lose the others
            console.print_exception()
            failed.append(part.name)
        total_s = time.monotonic() - started_s
        console.print(f"{part.name} took {budget.used_s:.0f} s of {part.budget_s:.0f}; so far {total_s / 60:.1f} min")
    return failed


if __name__ == "__main__":
    sys.exit(main())
