"""What a person sees of a batch: a bar while it runs, and the sum at its end."""

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from api.schemas import BatchSummary
from client.output import VERDICT_STYLES

from .execution import Execution
from .results import Tally


def say(console: Console, text: str, style: str | None = None) -> None:
    """Print a line as it is: unwrapped, so that a command in it can be copied, and with no markup."""
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def follow(console: Console, standings: Iterable[Execution]) -> Execution:
    """Show each standing of an execution, and give the last."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        # Without a total until the map has listed the prefix, or where the service does not count: the bar pulses.
        task = bar.add_task("listing", total=None)
        for execution in standings:
            counts = execution.counts
            if counts:
                failed = f", {counts.failed} failed" if counts.failed else ""
                bar.update(task, total=counts.total, completed=counts.done, description=f"classifying{failed}")
            else:
                bar.update(task, description=execution.status.lower())
        bar.update(task, description=execution.status.lower())
    return execution


def report(console: Console, summary: BatchSummary, tally: Tally) -> None:
    """Print how many images got which verdict and label, and the first of those without an answer."""
    table = Table("", "images", title=f"{tally.rows} images")
    for side, count in summary.triage.items():
        style = VERDICT_STYLES.get(side, "bold")
        table.add_row(f"triage: [{style}]{escape(side.replace('_', ' '))}[/]", str(count))
    table.add_section()
    for verdict, count in summary.verdicts.items():
        style = VERDICT_STYLES.get(verdict, "")
        table.add_row(f"pattern: [{style}]{escape(verdict.replace('_', ' '))}[/]" if style else verdict, str(count))
    table.add_section()
    for label, count in summary.labels.items():
        table.add_row(f"most probable: {escape(label)}", str(count))
    table.add_section()
    table.add_row("no answer: unreadable", str(summary.problems))
    table.add_row("no answer: call failed", str(tally.unanswered - summary.problems))
    console.print(table)
    for row in tally.first_unanswered:
        say(console, f"no answer: {row['key']}: {row['error']}", style="red")
    if (more := tally.unanswered - len(tally.first_unanswered)) > 0:
        say(console, f"and {more} more, in the file's column 'error'")
