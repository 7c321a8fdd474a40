"""``python -m benchmarks.scale [--measure]``: write docs/scale.md."""

import argparse

from . import written
from .page import TARGET, render


def main() -> None:
    """Compute the page; with ``--measure``, count first what the entry point writes for an image."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--measure", action="store_true", help="count the bytes that one image leaves behind, first")
    if parser.parse_args().measure:
        print(written.measure())
    TARGET.write_text(render(), "utf-8")
    print(TARGET)


if __name__ == "__main__":
    main()
