"""``python -m benchmarks [PART...]``: measure all parts, or some.

Each writes benchmarks/results/<part>.json, and docs/benchmarks.md is made from these files.
"""

import argparse
import signal
import sys
from collections.abc import Callable

from rich.console import Console

from . import image_size, load, machine, page, peers_serving, pull, report, serving

PARTS: dict[str, Callable[[Console], object]] = {
    "serving": serving.measure,
    "peers": peers_serving.measure,
    "load": load.measure,
    "image": image_size.measure,
    "page": page.measure,
    "pull": pull.measure,
}

INTERRUPTED = 143  # as a shell counts SIGTERM


def main() -> None:
    """Run the parts in turn."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    chosen = parser.parse_args().parts
    unknown = sorted(set(chosen) - PARTS.keys())
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    # Ended from outside, the servers under test are ended, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))
    console = Console()
    if not console.is_terminal:
        console.width = 140
    for name in chosen or PARTS:
        console.rule(name)
        PARTS[name](console)
    console.print(f"Tables: {report.write().relative_to(machine.ROOT)}")


if __name__ == "__main__":
    main()
