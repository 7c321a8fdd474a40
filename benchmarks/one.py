"""``python -m benchmarks.one PART``: measure one part in this process, and write its result file.

Its own process, so that the core that one part leaves, or the addresses that it sets, are not the next one's too.
"""

import argparse
import importlib
import os
import signal
import sys
from pathlib import Path

from rich.console import Console

from terminal import open_console

from . import machine
from .budget import Budget
from .parts import PARTS, Part

INTERRUPTED = 143  # as a shell counts SIGTERM


def main() -> int:
    """Measure; gives 1 where that failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.one", description=__doc__)
    parts = {part.name: part for part in PARTS}
    parser.add_argument("part", choices=parts)
    parser.add_argument("--model", action="append", default=[], type=Path)
    options = parser.parse_args()
    # Ended from outside, the servers under test are ended, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))
    # Byte code is kept, as an image holds it: else each start would compile all that it imports anew.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    console = open_console()
    try:
        measure(parts[options.part], options.model, console)
    except Exception:  # noqa: BLE001 - whatever it was, the parts after this one go on
        console.print_exception()
        return 1
    return 0


def measure(part: Part, models: list[Path], console: Console) -> None:
    """Measure a part and write ``results/<part>.json``, unless the part says that it cannot be measured here."""
    budget = Budget(part.budget_s)
    module = importlib.import_module(f".{part.module}", __package__)
    results = module.measure(console, budget, **({"models": models} if part.takes_models else {}))
    if results is not None:
        machine.write(part.name, results | {"took_s": round(budget.used_s, 1), "cut_short": budget.cut_short})
    for name, turns in budget.cut_short.items():
        console.print(f"[yellow]Cut short for time[/yellow]: {name}, {turns}")


if __name__ == "__main__":
    sys.exit(main())
