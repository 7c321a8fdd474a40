"""``python -m benchmarks [PART...]``: measure all parts, or some; each writes benchmarks/results/<part>.json."""

import argparse
from collections.abc import Callable

from rich.console import Console

from . import load, peers_serving, serving

PARTS: dict[str, Callable[[Console], object]] = {
    "serving": serving.measure,
    "peers": peers_serving.measure,
    "load": load.measure,
}


def main() -> None:
    """Run the parts in turn."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    chosen = parser.parse_args().parts
    unknown = sorted(set(chosen) - PARTS.keys())
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    console = Console()
    for name in chosen or PARTS:
        console.rule(name)
        PARTS[name](console)


if __name__ == "__main__":
    main()
