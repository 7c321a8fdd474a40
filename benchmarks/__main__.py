"""``python -m benchmarks [PART...]``: measure all parts, or some; each writes benchmarks/results/<part>.json."""

import argparse
from collections.abc import Callable

from rich.console import Console

from . import load, serving

PARTS: dict[str, Callable[[Console], object]] = {"serving": serving.measure, "load": load.measure}


def main() -> None:
    """Run the parts in turn."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=", ".join(PARTS))
    console = Console()
    for name in parser.parse_args().parts or PARTS:
        console.rule(name)
        PARTS[name](console)


if __name__ == "__main__":
    main()
