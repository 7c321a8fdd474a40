"""What is known of a job only when it is over, put on its run in MLflow: how it ended, its bill, what spot saved.

The job itself cannot say it, and nothing of ours stays running to wait for it: whoever follows or lists jobs does.

The run of a sweep in MLflow, under which its jobs' runs are filed.
"""

from typing import Any

from training import tracking
from training.sagemaker_jobs.deployment import Deployment
from training.sagemaker_jobs.errors import LaunchError, say
from training.sagemaker_jobs.job_environment import JOB_TAG
from training.sagemaker_jobs.jobs import Job, spot_savings
from training.sagemaker_jobs.plan import Plan
from training.sagemaker_jobs.prices import Prices
from training.sagemaker_jobs.table import View, cost_of
from training.tracking.server import connect, experiment_id
from training.tracking.settings import prepare_environment, without_password


def experiment_of(environment: str) -> str:
    """Give the MLflow experiment of an environment's jobs."""
    return f"leukolens-{environment}"


def make_parent(plan: Plan, deployment: Deployment) -> str:
    """Make the parent run; gives its id.

    Parameters
    ----------
    plan, deployment
        The sweep, and where it is tracked.

    Raises
    ------
    LaunchError
        The server cannot be reached, or refuses.
    """
    prepare_environment(deployment.tracking_uri)
    from mlflow.exceptions import MlflowException  # it takes seconds

    try:
        client = connect(deployment.tracking_uri)
        experiment = experiment_id(client, experiment_of(plan.environment))
        tags = {"leukolens.sweep": plan.name, "leukolens.data": plan.data, **plan.tags}
        return str(client.create_run(experiment, run_name=plan.name, tags=tags).info.run_id)
    except (MlflowException, OSError) as error:
        raise LaunchError(f"no parent run in MLflow at {deployment.tracking_uri}: {error}") from error


_STATUS_TAG = "sagemaker.status"
_RUN_STATUSES = {"Failed": "FAILED", "Stopped": "KILLED"}
"""What becomes of a run whose job was ended before it could say so."""


def settle(view: View, name: str, deployment: Deployment, prices: Prices, plan: Plan | None = None) -> None:
    """Tag the runs of jobs that are over; says so where MLflow does not take it.

    Parameters
    ----------
    view
        The jobs; those whose runs are tagged already are left alone.
    name
        Of the plan, or what the names of an environment's jobs begin with.
    deployment, prices
        Where they are tracked, and what they cost.
    plan
        The sweep or job, where it is one: its own run, the parent, gets the sum once all is over.
    """
    if tracking.is_off() or not any(job.over for job in view.jobs):
        return
    try:
        client = connect(deployment.tracking_uri)
        _tag_jobs(view.jobs, name, deployment, prices, plan, client)
        if plan and plan.parent_run and not (view.running or view.more):
            _tag_parent(view.jobs, plan.parent_run, deployment, prices, plan, client)
    # Whatever a server, its client or the network between them comes up with: the jobs are as they are.
    except Exception as error:  # noqa: BLE001
        reason = without_password(deployment.tracking_uri, str(error)).strip()
        say(
            f"MLflow at {without_password(deployment.tracking_uri)} did not take what the jobs cost "
            f"({reason.splitlines()[0] if reason else type(error).__name__}); the next look at them tries again"
        )


def _tag_jobs(
    jobs: list[Job], name: str, deployment: Deployment, prices: Prices, plan: Plan | None, client: Any
) -> None:
    experiment = client.get_experiment_by_name(experiment_of(deployment.environment))
    if experiment is None:
        return
    finished = {job.name: job for job in jobs if job.over}
    billed = set[str]()  # a job has one bill: where it has several runs, the newest, which is listed first, gets it
    query, newest_first = f"tags.`{JOB_TAG}` LIKE '{name}%'", ["attributes.start_time DESC"]
    for run in client.search_runs([experiment.experiment_id], query, order_by=newest_first):
        job = finished.get(run.data.tags[JOB_TAG])
        if job is None or _STATUS_TAG in run.data.tags:
            continue
        bill = {} if job.name in billed else _bill([job], deployment, prices, plan)
        billed.add(job.name)
        _tag(client, run.info.run_id, {_STATUS_TAG: job.status, **bill})
        if run.info.status == "RUNNING" and job.status in _RUN_STATUSES:
            client.set_terminated(run.info.run_id, _RUN_STATUSES[job.status])


def _tag_parent(jobs: list[Job], run_id: str, deployment: Deployment, prices: Prices, plan: Plan, client: Any) -> None:
    _tag(client, run_id, _bill(jobs, deployment, prices, plan))
    any_completed = any(job.status == "Completed" for job in jobs)
    client.set_terminated(run_id, "FINISHED" if any_completed else "FAILED")


def _bill(jobs: list[Job], deployment: Deployment, prices: Prices, plan: Plan | None) -> dict[str, str]:
    """Give what AWS bills of jobs that are over, as tags."""
    savings = spot_savings(jobs)
    costs = [cost_of(job, deployment.region, prices, plan) for job in jobs]
    known_costs = [cost for cost in costs if cost is not None]
    return {
        "sagemaker.billable_seconds": f"{sum(job.billed_seconds * job.instances for job in jobs):.0f}",
        **({} if savings is None else {"sagemaker.spot_savings": f"{savings:.0%}"}),
        **({"sagemaker.cost_usd": f"{sum(known_costs):.2f}"} if len(known_costs) == len(jobs) else {}),
    }


def _tag(client: Any, run_id: str, tags: dict[str, str]) -> None:
    from mlflow.entities import RunTag

    client.log_batch(run_id, tags=[RunTag(key, value) for key, value in tags.items()])
