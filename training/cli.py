"""The commands of ``python -m training``."""

import argparse
import importlib
import sys

COMMANDS = {"train": "train", "ingest": "ingest", "pull": "pull", "slides": "slide_report"}
"""Each command and its module of this package, which has ``add_parser`` and a ``run`` that gives the exit code."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; gives the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="python -m training", description="Data, training, evaluation and export.")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    # Only the asked command's module is imported: TensorFlow takes ten seconds, and fetching images needs none of it.
    asked = [given[0]] if given and given[0] in COMMANDS else COMMANDS
    for name in asked:
        importlib.import_module(f"training.{COMMANDS[name]}").add_parser(subparsers)
    options = parser.parse_args(given)
    return int(options.run(options))
