"""The commands of ``python -m training``."""

import argparse
import importlib

COMMANDS = ("train", "ingest", "pull")
"""Modules of this package with ``add_parser`` and a ``run`` that gives the exit code."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m training", description="Data, training, evaluation and export.")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for name in COMMANDS:
        importlib.import_module(f"training.{name}").add_parser(subparsers)
    options = parser.parse_args(arguments)
    return int(options.run(options))
