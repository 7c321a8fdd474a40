"""``python -m training costs``: the table of prices, and what the nine-run sweep may cost at them."""

import argparse
import re
import sys
from pathlib import Path

from training.sagemaker_jobs.errors import LaunchError
from training.sagemaker_jobs.prices import Prices, cost_so_far, read_prices

_JOBS, _HOURS = 9, 1


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``costs`` command."""
    parser = subparsers.add_parser("costs", help="print what SageMaker's instances cost, as Markdown")
    parser.add_argument("--region", default="eu-central-1", metavar="REGION", help="beside us-east-1 (%(default)s)")
    parser.add_argument("--docs", type=Path, metavar="PAGE", help="write it into this page instead, between its marks")
    parser.add_argument("--sweep", type=Path, metavar="FILE", help="with --docs: and this table of a local sweep")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the ``costs`` command; gives the exit code."""
    try:
        table = cost_table(read_prices(), options.region)
        if options.docs is None:
            sys.stdout.write(table)
            return 0
        fill(options.docs, "costs", table)
        if options.sweep:
            fill(options.docs, "sweep", options.sweep.read_text(encoding="utf-8"))
    except (LaunchError, OSError) as error:
        sys.stderr.write(f"costs: {error}\n")
        return 2
    return 0


def fill(page: Path, name: str, text: str) -> None:
    """Put text between two marks of a page.

    Raises
    ------
    LaunchError
        The page has no such marks.
    """
    marks = re.compile(rf"(<!-- {name}: begin[^\n]*-->\n).*?(<!-- {name}: end -->)", re.DOTALL)
    filled, found = marks.subn(lambda match: f"{match[1]}{text.strip()}\n{match[2]}", page.read_text(encoding="utf-8"))
    if not found:
        raise LaunchError(f"--docs {page}: it has no lines <!-- {name}: begin --> and <!-- {name}: end -->")
    page.write_text(filled, encoding="utf-8")


def cost_table(prices: Prices, region: str) -> str:
    """Draw the table in Markdown.

    Raises
    ------
    LaunchError
        There are no prices for the region.
    """
    rows = [f"| Instance | us-east-1, $/h | {region}, $/h | Nine jobs of {_HOURS} h, {region} |", "|---|--:|--:|--:|"]
    for instance in sorted(prices.instances, key=prices.instances.__getitem__):
        home, there = prices.hourly(instance, "us-east-1"), prices.hourly(instance, region)
        sweep = cost_so_far(_JOBS * _HOURS * 3600, 1, there)
        rows.append(f"| `{instance}` | {home:.4f} | {there:.4f} | ${sweep:.2f} |")
    return "\n".join([*rows, "", f"On demand, without disks; prices of {prices.date}.", ""])
