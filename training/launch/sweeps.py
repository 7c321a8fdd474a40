"""Sweeps and jobs of an environment as plans tell of them, and which of them need a hand."""

from typing import Any

from training.launch.jobs import Job, belongs
from training.launch.place import Place
from training.launch.plan import Plan
from training.launch.records import find_record, list_records
from training.launch.tuners import is_over, tuner_status


def notes_on(jobs: list[Job], place: Place, session: Any, only: Plan | None = None) -> list[str]:
    """List what is only half made or not whole, each with the commands that go on with it or drop it.

    Parameters
    ----------
    jobs
        All that were started.
    place, session
        Where, and boto3's session there.
    only
        The one plan that is asked about; all, if left out.
    """
    plans = [only] if only else [find_record(name, place, session) for name in list_records(place, session)]
    notes = [
        _note(plan, [job for job in jobs if belongs(job.name, plan.name)], place, session) for plan in plans if plan
    ]
    return [note for note in notes if note]


def _note(plan: Plan, jobs: list[Job], place: Place, session: Any) -> str | None:
    go_on = f"python -m training {plan.kind} --executor sagemaker --env {plan.environment} --resume {plan.name}"
    drop = f"python -m training stop --env {plan.environment} --sweep {plan.name}"
    if plan.kind == "train":
        return None if jobs else f"{plan.name}: half made, no job yet. Go on: {go_on}   Drop it: {drop}"
    status = tuner_status(plan.name, place, session)
    if status is None:
        return f"{plan.name}: half made, no tuner yet. Go on: {go_on}   Drop it: {drop}"
    done = sum(job.status == "Completed" for job in jobs)
    if is_over(status) and done < plan.job_count and all(job.over for job in jobs):
        return f"{plan.name}: {status} with {done} of {plan.job_count} jobs completed. Go on: {go_on}"
    return None
