"""What a plan may cost at most, and what a job has cost so far: from one table of prices.

``python -m training costs``: the table of prices, and what the nine-run sweep may cost at them.
"""

import argparse
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, PositiveFloat

from terminal import Column, Table, add_format, open_console
from training.sagemaker_jobs.errors import LaunchError
from training.sagemaker_jobs.plan import Plan

TABLE = Path(__file__).with_name("prices.toml")
_HOURS_A_MONTH = 730
_SECONDS_AN_HOUR = 3600


class Prices(BaseModel):
    """The table: US dollars.

    Attributes
    ----------
    date
        When somebody last compared it with the source, which the file names.
    storage_gb_month
        A gigabyte of a job's disk for a month.
    instances
        An hour of each instance in us-east-1.
    regions
        The factor of a region over us-east-1.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    date: date
    currency: str
    storage_gb_month: PositiveFloat
    instances: dict[str, PositiveFloat]
    regions: dict[str, PositiveFloat]

    def hourly(self, instance_type: str, region: str) -> float:
        """Give the price of an hour.

        Raises
        ------
        LaunchError
            The table has no price for the instance or the region.
        """
        if instance_type not in self.instances:
            raise LaunchError(
                f"--instance-type {instance_type}: no price for it; priced: {', '.join(sorted(self.instances))}; "
                f"for another, give --hourly-price or add it to {_table_path()}"
            )
        if region not in self.regions:
            raise LaunchError(
                f"--env: no prices for {region}; priced: {', '.join(sorted(self.regions))}; "
                f"give --hourly-price, or add the region to {_table_path()}"
            )
        return self.instances[instance_type] * self.regions[region]


@dataclass(frozen=True)
class Estimate:
    """What a plan may cost at most, should every job run to its limit at the price on demand.

    Attributes
    ----------
    jobs, instances
        How many jobs, each on how many instances.
    hourly_usd
        An hour of one instance.
    hours
        Of one job at most, with the time that its instances are kept warm.
    at_most_usd
        All of it.
    """

    jobs: int
    instances: int
    hourly_usd: float
    hours: float
    at_most_usd: float

    def __str__(self) -> str:
        return (
            f"jobs {self.jobs} x instances {self.instances} x at most {self.hours:g} h x ${self.hourly_usd:.4g}/h: "
            f"at most ${self.at_most_usd:.2f}"
        )


def read_prices(path: Path = TABLE) -> Prices:
    """Read the table."""
    return Prices.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))


def estimate(plan: Plan, region: str, prices: Prices, jobs: int | None = None) -> Estimate:
    """Reckon what a plan may cost at most; spot capacity is billed less, by nobody knows how much beforehand.

    Parameters
    ----------
    plan, region, prices
        What, where, and the table.
    jobs
        How many of its jobs; all, if left out.

    Raises
    ------
    LaunchError
        The table has no price for the instance or the region.
    """
    hourly = plan.hourly_price_usd or prices.hourly(plan.instance_type, region)
    hours = (plan.max_runtime_s + plan.keep_alive_s) / _SECONDS_AN_HOUR
    disk = prices.storage_gb_month * plan.volume_gb / _HOURS_A_MONTH
    job_count = plan.job_count if jobs is None else jobs
    total = job_count * plan.instance_count * hours * (hourly + disk)
    return Estimate(job_count, plan.instance_count, hourly, hours, round(total, 2))


def guard(cost: Estimate, max_cost_usd: float, option: str) -> None:
    """Refuse a plan that may cost more than allowed.

    Raises
    ------
    LaunchError
        It may; says which options make it cheaper.
    """
    if cost.at_most_usd > max_cost_usd:
        raise LaunchError(
            f"{option} ${max_cost_usd:.2f}: this may cost up to ${cost.at_most_usd:.2f} ({cost}); "
            "shorten --max-runtime, try fewer values or a smaller --instance-type, or raise --max-cost"
        )


def cost_so_far(seconds: float, instances: int, hourly_usd: float) -> float:
    """Give what some seconds of some instances cost, in US dollars."""
    return seconds / _SECONDS_AN_HOUR * instances * hourly_usd


def _table_path() -> str:
    return f"training/sagemaker_jobs/{TABLE.name}"


_JOBS, _HOURS = 9, 1


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``costs`` command."""
    parser = subparsers.add_parser("costs", help="print what SageMaker's instances cost")
    parser.add_argument("--region", default="eu-central-1", metavar="REGION", help="beside us-east-1 (%(default)s)")
    parser.add_argument("--docs", type=Path, metavar="PAGE", help="write it into this page instead, between its marks")
    parser.add_argument("--sweep", type=Path, metavar="FILE", help="with --docs: and this table of a local sweep")
    add_format(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the ``costs`` command; gives the exit code."""
    try:
        prices = read_prices()
        if options.docs is None:
            costs(prices, options.region).write(open_console(), options.format)
            return 0
        fill(options.docs, "costs", cost_table(prices, options.region))
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
    page_text, count = marks.subn(
        lambda match: f"{match[1]}{text.strip()}\n{match[2]}", page.read_text(encoding="utf-8")
    )
    if not count:
        raise LaunchError(f"--docs {page}: it has no lines <!-- {name}: begin --> and <!-- {name}: end -->")
    page.write_text(page_text, encoding="utf-8")


def costs(prices: Prices, region: str) -> Table:
    """Tell each instance's price an hour, the cheapest first, and what nine jobs of an hour cost.

    Raises
    ------
    LaunchError
        There are no prices for the region.
    """
    first, *price_columns = _headings(region)
    table = Table([first, *(Column(name, right=True) for name in price_columns)], f"{_BASIS}{prices.date}.")
    for row in _rows(prices, region):
        table.add(*row)
    return table


def cost_table(prices: Prices, region: str) -> str:
    """Draw the table in Markdown.

    Raises
    ------
    LaunchError
        There are no prices for the region.
    """
    lines = [f"| {' | '.join(_headings(region))} |", "|---|--:|--:|--:|"]
    lines += [f"| `{instance}` | {' | '.join(cells)} |" for instance, *cells in _rows(prices, region)]
    return "\n".join([*lines, "", f"{_BASIS}{prices.date}.", ""])


_BASIS = "On demand, without disks; prices of "


def _headings(region: str) -> tuple[str, ...]:
    return ("Instance", "us-east-1, $/h", f"{region}, $/h", f"Nine jobs of {_HOURS} h, {region}")


def _rows(prices: Prices, region: str) -> Iterator[tuple[str, ...]]:
    for instance in sorted(prices.instances, key=prices.instances.__getitem__):
        base, regional = prices.hourly(instance, "us-east-1"), prices.hourly(instance, region)
        yield instance, f"{base:.4f}", f"{regional:.4f}", f"${cost_so_far(_JOBS * _HOURS * 3600, 1, regional):.2f}"
