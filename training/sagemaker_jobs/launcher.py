"""Start a plan: written down first, so that whatever fails on the way can be found, resumed or dropped.

Go on with a job or a sweep: start what is missing of it, and nothing that is there.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from training.sagemaker_jobs.deployment import Deployment, deployment_for
from training.sagemaker_jobs.errors import ConnectionLostError, LaunchError, Say, explained
from training.sagemaker_jobs.image import upload_code
from training.sagemaker_jobs.jobs import Job, find_tuner, list_jobs
from training.sagemaker_jobs.mlflow_runs import make_parent
from training.sagemaker_jobs.plan import Plan
from training.sagemaker_jobs.plan_store import find_record, write_record


def start(plan: Plan, deployment: Deployment, session: Any, say: Say, previous_search: str | None = None) -> Plan:
    """Start a plan that was checked; gives it as it was written down.

    Parameters
    ----------
    plan, deployment, session
        What, where, and boto3's session there.
    say
        Is told what is not as asked.
    previous_search
        For a search: an earlier one whose results this one starts from.

    Raises
    ------
    LaunchError
        AWS refused; says how to go on with what is there.
    """
    upload_code(deployment_for(plan, deployment), session)
    write_record(plan, deployment, session)
    with _explain_recovery(plan):
        if plan.kind == "sweep" and plan.parent_run is None:
            plan = _add_parent_run(plan, deployment, session, say)
        from training.sagemaker_jobs.requests import trainer, tuner  # it takes seconds

        with explained(f"start {plan.name}", deployment.policy):
            if plan.kind == "sweep":
                tuner(plan, deployment, session, previous_search).tune(job_name=plan.name, wait=False)
            else:
                trainer(plan, deployment, plan.fixed, session, plan.name).train(wait=False, logs=False)
    return plan


def start_one(plan: Plan, deployment: Deployment, hyperparameters: dict[str, str], session: Any, name: str) -> None:
    """Start a single job of a sweep, outside its tuner."""
    from training.sagemaker_jobs.requests import trainer  # it takes seconds

    with explained(f"start {name}", deployment.policy):
        trainer(plan, deployment, hyperparameters, session, name).train(wait=False, logs=False)


def _add_parent_run(plan: Plan, deployment: Deployment, session: Any, say: Say) -> Plan:
    """Make the parent run; without one, the jobs' runs still carry the sweep's name."""
    try:
        updated_plan = plan.model_copy(update={"parent_run": make_parent(plan, deployment)})
    except LaunchError as error:
        say(f"warning: {error}\nThe jobs' runs will not be filed under one run; they carry the sweep's name as a tag.")
        return plan
    write_record(updated_plan, deployment, session)
    return updated_plan


@contextmanager
def _explain_recovery(plan: Plan) -> Iterator[None]:
    """Say, whatever ends the start early, how to go on."""
    commands = f"Go on: {plan.resume_command}\nDrop it: {plan.drop_command}"
    try:
        yield
    except ConnectionLostError as error:
        raise ConnectionLostError(f"{error}\nIt may have been started or not. {commands}") from error
    except (LaunchError, KeyboardInterrupt) as error:
        raise LaunchError(f"{str(error) or 'interrupted'}\n{plan.name} is only half made. {commands}") from error


CostCheck = Callable[[Plan, int], object]
"""Refuses a plan of which so many jobs may cost too much."""


def resume(
    name: str, kind: str, deployment: Deployment, session: Any, say: Say, now: datetime, check_cost: CostCheck
) -> Plan:
    """Go on with the options that a job or sweep was started with.

    Parameters
    ----------
    name, kind
        Of the plan.
    deployment, session
        Where, and boto3's session there.
    say
        Is told what is started, and what is left for later.
    now
        Names the search that goes on from another.
    check_cost
        Is asked before anything is started.

    Raises
    ------
    LaunchError
        There is no such plan, nothing of it is missing, its strategy cannot go on, or it may cost too much.
    """
    plan = find_record(name, deployment, session)
    if plan is None or plan.kind != kind:
        raise LaunchError(
            f"--resume {name}: no such {kind}; listed by: python -m training jobs --env {deployment.environment}"
        )
    jobs = list_jobs(name, deployment, session)
    if kind != "sweep":
        return _resume_job(plan, jobs, deployment, session, say, check_cost)
    tuner = find_tuner(name, deployment, session)
    if tuner is None:
        check_cost(plan, plan.job_count)
        say(f"{name} has no tuner yet: making it")
        return start(plan, deployment, session, say)
    if not tuner.over:
        say(f"{name} is {tuner.status}: nothing to start")
    elif plan.strategy == "grid":
        _resume_grid(plan, jobs, deployment, session, say, check_cost)
    else:
        return _resume_search(plan, jobs, deployment, session, say, now, check_cost)
    return plan


def missing(plan: Plan, jobs: list[Job]) -> list[tuple[int, dict[str, str]]]:
    """List the combinations of a grid that no job completed or is at, with their numbers from 1."""
    started = [job.hyperparameters for job in jobs if job.status == "Completed" or not job.over]
    return [
        (number, combination)
        for number, combination in enumerate(plan.combinations, 1)
        if not any(combination.items() <= hyperparameters.items() for hyperparameters in started)
    ]


def _resume_job(
    plan: Plan, jobs: list[Job], deployment: Deployment, session: Any, say: Say, check_cost: CostCheck
) -> Plan:
    for job in jobs:
        if job.status == "Completed" or not job.over:
            raise LaunchError(f"--resume {plan.name}: {job.name} is {job.status}: nothing to go on with")
    check_cost(plan, 1)
    say(f"{plan.name}: again, from the checkpoints in {plan.checkpoints}")
    return start(plan, deployment, session, say)


def _resume_grid(
    plan: Plan, jobs: list[Job], deployment: Deployment, session: Any, say: Say, check_cost: CostCheck
) -> None:
    unstarted = missing(plan, jobs)
    if not unstarted:
        raise LaunchError(f"--resume {plan.name}: all {plan.job_count} jobs are complete")
    # A grid takes whole combinations only, which what is left seldom is: these are jobs of their own.
    running = sum(not job.over for job in jobs)
    batch = unstarted[: max(plan.parallel - running, 0)]
    check_cost(plan, len(batch))
    upload_code(deployment_for(plan, deployment), session)
    for number, hyperparameters in batch:
        start_one(plan, deployment, hyperparameters, session, f"{plan.name}-{number:03}")
        say(f"started job {number} of {plan.job_count}: {_tried_values(hyperparameters, plan)}")
    if len(unstarted) > len(batch):
        say(f"{len(unstarted) - len(batch)} more are left for when these are over: give the same command again")


def _resume_search(
    plan: Plan, jobs: list[Job], deployment: Deployment, session: Any, say: Say, now: datetime, check_cost: CostCheck
) -> Plan:
    if plan.strategy == "hyperband":
        raise LaunchError(f"--resume {plan.name}: SageMaker goes on with bayesian and random searches only; start anew")
    remaining = plan.job_count - sum(job.status == "Completed" for job in jobs)
    if remaining < 1:
        raise LaunchError(f"--resume {plan.name}: all {plan.job_count} jobs are complete")
    check_cost(plan, remaining)
    name = f"leukolens-{plan.environment}-{now:%y%m%d-%H%M%S}"
    say(f"{name} goes on from {plan.name}: {remaining} more jobs")
    return start(
        plan.model_copy(update={"name": name, "max_jobs": remaining}),
        deployment,
        session,
        say,
        previous_search=plan.name,
    )


def _tried_values(hyperparameters: dict[str, str], plan: Plan) -> str:
    return ", ".join(f"{name} {hyperparameters[name]}" for name in plan.choices)
