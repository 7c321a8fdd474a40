"""The table of jobs: one line each, the best first in bold."""

from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.text import Text

from terminal import Column, Table
from training.models.space import TRIED
from training.sagemaker_jobs.deployment import Deployment
from training.sagemaker_jobs.errors import LaunchError
from training.sagemaker_jobs.jobs import Job, spot_savings
from training.sagemaker_jobs.plan import OBJECTIVE, Plan
from training.sagemaker_jobs.prices import Prices, cost_so_far

_COLOURS = {"Completed": "green", "Failed": "red", "Stopped": "yellow", "Stopping": "yellow"}
_HYPERPARAMETERS = (*TRIED, "frozen")


@dataclass(frozen=True)
class View:
    """What is shown at one moment.

    Attributes
    ----------
    jobs
        Oldest first.
    notes
        Lines below the table: sweeps that are only half made, a connection that is lost.
    more
        Whether jobs may come that are not there yet.
    """

    jobs: list[Job]
    notes: list[str]
    more: bool = False

    @property
    def running(self) -> list[Job]:
        """The jobs that are not over."""
        return [job for job in self.jobs if not job.over]


def cost_of(job: Job, region: str, prices: Prices, plan: Plan | None = None) -> float | None:
    """Give what a job has cost so far, in US dollars; None where nobody knows its price."""
    try:
        hourly = (plan and plan.hourly_price_usd) or prices.hourly(job.instance_type, region)
    except LaunchError:
        return None
    return cost_so_far(job.billed_seconds, job.instances, hourly)


def render(view: View, deployment: Deployment, prices: Prices, plan: Plan | None = None) -> RenderableType:
    """Draw a view.

    Parameters
    ----------
    view
        What is shown.
    deployment, prices
        Whose prices hold.
    plan
        The sweep or job, where it is one.
    """
    costs = [cost_of(job, deployment.region, prices, plan) for job in view.jobs]
    failures = [f"{job.name}: {' '.join(job.failure.split())}" for job in view.jobs if job.failure]
    table = [table_of(view.jobs, costs)] if view.jobs else []
    return Group(*table, _summary(view, costs), *(Text(note) for note in (*failures, *view.notes)))


def table_of(jobs: list[Job], costs: list[float | None]) -> Table:
    """Give a row for each job, with what it has cost so far."""
    differing = _differing(jobs)
    numbers = (Column(name, right=True) for name in ("epoch", OBJECTIVE, "elapsed", "cost"))
    table = Table(["job", "status", *differing, *numbers])
    best = max((job.objective for job in jobs if job.objective is not None), default=None)
    for job, cost in zip(jobs, costs, strict=True):
        table.add(*_cells(job, differing, cost), style="bold" if job.objective == best is not None else "")
    return table


def _cells(job: Job, differing: list[str], cost: float | None) -> list[str | Text]:
    status = job.status if job.over or job.doing == job.status else f"{job.status}: {job.doing}"
    epochs = job.hyperparameters.get("epochs")
    return [
        job.name,
        Text(status, style=_COLOURS.get(job.status, "cyan")),
        *(job.hyperparameters.get(name, "") for name in differing),
        "" if job.epoch is None else f"{job.epoch}/{epochs}" if epochs else str(job.epoch),
        "" if job.objective is None else f"{job.objective:.4f}",
        _time(job.seconds) if job.seconds else "",
        "?" if cost is None else f"${cost:.2f}",
    ]


def _differing(jobs: list[Job]) -> list[str]:
    """List the hyperparameters in which the jobs differ: the others would repeat one value down the table."""
    values = {name: {job.hyperparameters.get(name) for job in jobs} for name in _HYPERPARAMETERS}
    return [name for name in _HYPERPARAMETERS if len(values[name]) > 1]


def _summary(view: View, costs: list[float | None]) -> Text:
    if not view.jobs:
        return Text("no jobs yet")
    completed = sum(job.status == "Completed" for job in view.jobs)
    total = sum(cost for cost in costs if cost is not None)
    unpriced_note = "" if None not in costs else ", without those of unknown price"
    savings = spot_savings(view.jobs)
    spot_note = "" if savings is None else f", {savings:.0%} saved by spot"
    counts = f"{completed} of {len(view.jobs)} completed, {len(view.running)} running"
    return Text(f"{counts}, ${total:.2f} so far{unpriced_note}{spot_note}")


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
