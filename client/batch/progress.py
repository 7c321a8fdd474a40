"""What a person sees of a batch: a bar while it runs, and the sum at its end."""

from collections.abc import Iterable

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from api.schemas import BatchSummary
from client.output import VERDICT_STYLES
from terminal import Column, Table
from untrusted import in_terminal

from .execution import Execution
from .results import Tally


def say(console: Console, text: str, style: str | None = None) -> None:
    """Print a text as it is: unwrapped, so that a command in it can be copied, with no markup and no escapes."""
    lines = "\n".join(map(in_terminal, text.split("\n")))
    console.print(lines, style=style, markup=False, highlight=False, soft_wrap=True)


def follow(console: Console, standings: Iterable[Execution]) -> Execution:
    """Show each state of an execution, and give the last."""
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
    table = Table(["answer", Column("images", right=True)], title=f"{tally.rows} images")
    for side, count in summary.triage.items():
        table.add(Text(f"triage: {side.replace('_', ' ')}", style=VERDICT_STYLES.get(side, "bold")), str(count))
    for number, (verdict, count) in enumerate(summary.verdicts.items()):
        words = Text(f"pattern: {verdict.replace('_', ' ')}", style=VERDICT_STYLES.get(verdict, ""))
        table.add(words, str(count), begins_section=not number)
    for number, (label, count) in enumerate(summary.labels.items()):
        table.add(f"most probable: {label}", str(count), begins_section=not number)
    table.add("no answer: unreadable", str(summary.problems), begins_section=True)
    table.add("no answer: call failed", str(tally.unanswered - summary.problems))
    table.write(console)
    for row in tally.first_unanswered:
        say(console, in_terminal(f"no answer: {row['key']}: {row['error']}"), style="red")
    if (more := tally.unanswered - len(tally.first_unanswered)) > 0:
        say(console, f"and {more} more, in the file's column 'error'")
