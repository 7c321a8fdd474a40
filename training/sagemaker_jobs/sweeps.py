"""Sweeps and jobs of an environment as plans tell of them, and which of them need a hand."""

from dataclasses import dataclass
from typing import Any

from training.sagemaker_jobs.deployment import Place
from training.sagemaker_jobs.jobs import Job, belongs
from training.sagemaker_jobs.plan import Plan
from training.sagemaker_jobs.plan_store import find_record, list_records
from training.sagemaker_jobs.tuners import find_tuner


@dataclass(frozen=True)
class State:
    """How a plan stands.

    Attributes
    ----------
    note
        What is only half made or not whole, with the commands that go on with it or drop it; None if all is well.
    more
        Whether its tuner may start jobs that are not there yet.
    """

    note: str | None = None
    more: bool = False


def notes_on(jobs: list[Job], place: Place, session: Any) -> list[str]:
    """List what is only half made or not whole of all plans of an environment."""
    plans = [find_record(name, place, session) for name in list_records(place, session)]
    states = [
        state_of(plan, [job for job in jobs if belongs(job.name, plan.name)], place, session) for plan in plans if plan
    ]
    return [state.note for state in states if state.note]


def state_of(plan: Plan, jobs: list[Job], place: Place, session: Any) -> State:
    """Tell how a plan stands.

    Parameters
    ----------
    plan, jobs
        Of which these were started.
    place, session
        Where, and boto3's session there.
    """
    ways = f"Go on: {plan.go_on}   Drop it: {plan.drop}"
    if plan.kind == "train":
        return State(None if jobs else f"{plan.name}: half made, no job yet. {ways}")
    tuner = find_tuner(plan.name, place, session)
    if tuner is None:
        return State(f"{plan.name}: half made, no tuner yet. {ways}")
    done = sum(job.status == "Completed" for job in jobs)
    if not tuner.over or done >= plan.job_count or not all(job.over for job in jobs):
        return State(more=not tuner.over)
    why = f" ({' '.join(tuner.failure.split())})" if tuner.failure else ""
    so_far = f"{tuner.status} with {done} of {plan.job_count} jobs completed{why}"
    return State(f"{plan.name}: {so_far}. Go on: {plan.go_on}")
