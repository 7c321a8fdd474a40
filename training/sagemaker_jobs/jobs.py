"""Training jobs as AWS tells of them: status, epoch, objective, elapsed time, cost so far.

SageMaker's tuning jobs by name.

Sweeps and jobs of an environment as plans tell of them, and which of them need a hand.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from training.data.s3 import code_of
from training.sagemaker_jobs.deployment import Deployment
from training.sagemaker_jobs.errors import explained
from training.sagemaker_jobs.plan import OBJECTIVE, Plan
from training.sagemaker_jobs.plan_store import find_record, list_records

_MISSING = {"ResourceNotFound", "ResourceNotFoundException"}


@dataclass(frozen=True)
class Tuner:
    """What AWS says of a tuner.

    Attributes
    ----------
    status
        ``InProgress``, ``Completed``, ``Failed``, ``Stopping`` or ``Stopped``.
    failure
        AWS's reason, for one that failed.
    """

    status: str
    failure: str | None = None

    @property
    def over(self) -> bool:
        """Tell whether it starts no more jobs."""
        return is_over(self.status)


def find_tuner(name: str, deployment: Deployment, session: Any) -> Tuner | None:
    """Look a tuner up; None for no such tuner."""
    with explained(f"look up the sweep {name}", deployment.policy):
        try:
            client = session.client("sagemaker")
            description = client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        except ClientError as error:
            if code_of(error) in _MISSING or "does not exist" in str(error):
                return None
            raise
    return Tuner(str(description["HyperParameterTuningJobStatus"]), description.get("FailureReason"))


def is_over(status: str) -> bool:
    """Tell whether a job or tuner will not change any more."""
    return status in {"Completed", "Failed", "Stopped"}


_MAX_JOBS = 100
"""Of an environment's jobs: the newest. Each is looked at by a call of its own."""


@dataclass(frozen=True)
class Job:
    """One training job.

    Attributes
    ----------
    status, doing
        ``InProgress``, ``Completed``, ``Failed``, ``Stopping`` or ``Stopped``; and what it is at, such as ``Training``.
    hyperparameters
        All that it was given.
    instance_type, instances
        What it runs on.
    epoch, objective
        The last that its log told; None before the first.
    seconds
        Since its training started; until it ended.
    billed_seconds
        Of each instance: what AWS bills in the end, where a spot job's savings are off.
    failure
        AWS's reason, for a job that failed.
    spot
        Whether it runs on spare capacity.
    trained_seconds
        What AWS would have billed of each instance on demand; None until the job has ended.
    """

    name: str
    status: str
    doing: str
    hyperparameters: dict[str, str]
    instance_type: str
    instances: int
    epoch: int | None
    objective: float | None
    seconds: float
    billed_seconds: float
    failure: str | None
    spot: bool = False
    trained_seconds: float | None = None

    @property
    def over(self) -> bool:
        """Tell whether it will not change any more."""
        return is_over(self.status)


def spot_savings(jobs: list[Job]) -> float | None:
    """Give the share of the price on demand that spare capacity saved on jobs that are over; None where none did.

    https://docs.aws.amazon.com/sagemaker/latest/dg/model-managed-spot-training.html
    """
    ended = [
        (job, job.trained_seconds * job.instances) for job in jobs if job.spot and job.over and job.trained_seconds
    ]
    trained = sum(seconds for _, seconds in ended)
    billed = sum(job.billed_seconds * job.instances for job, _ in ended)
    return 1 - billed / trained if trained else None


def list_jobs(
    name: str, deployment: Deployment, session: Any, known: dict[str, Job] | None = None, now: datetime | None = None
) -> list[Job]:
    """List a job, or the jobs of a plan or of an environment; oldest first.

    Parameters
    ----------
    name
        Of a job or a plan, or the ``leukolens-<environment>-`` that all begin with.
    deployment, session
        Where, and boto3's session there.
    known
        What was seen before: jobs that are over are not asked for again. Is updated.
    now
        The time, for jobs that run.

    Raises
    ------
    LaunchError
        AWS refused, or did not answer.
    """
    seen = {} if known is None else known
    client = session.client("sagemaker")
    with explained("list training jobs", deployment.policy):
        pages = client.get_paginator("list_training_jobs").paginate(
            NameContains=name,
            SortBy="CreationTime",
            SortOrder="Descending",
            PaginationConfig={"MaxItems": _MAX_JOBS} if name.endswith("-") else {},
        )
        summaries = [entry for page in pages for entry in page["TrainingJobSummaries"]]
    own_summaries = [entry for entry in summaries if belongs(entry["TrainingJobName"], name)]
    for entry in own_summaries:
        previous = seen.get(entry["TrainingJobName"])
        if previous is None or not previous.over:
            with explained(f"look at {entry['TrainingJobName']}", deployment.policy):
                description = client.describe_training_job(TrainingJobName=entry["TrainingJobName"])
            seen[entry["TrainingJobName"]] = read_job(description, now)
    return [
        seen[e["TrainingJobName"]]
        for e in sorted(own_summaries, key=lambda e: (e["CreationTime"], e["TrainingJobName"]))
    ]


def belongs(job: str, name: str) -> bool:
    """Tell whether a job is the one of that name, or of the plan or environment of that name.

    The SDK appends the time to a plan's name, a tuner a number and a word: ``nine`` is not asked for with ``nine-b``.
    """
    if name.endswith("-"):
        return job.startswith(name)
    return re.fullmatch(rf"{re.escape(name)}(-\d{{3,}}-[0-9a-z]+|-\d{{14}})?", job) is not None


def read_job(description: dict[str, Any], now: datetime | None = None) -> Job:
    """Read AWS's description of a job."""
    metrics = {entry["MetricName"]: entry["Value"] for entry in description.get("FinalMetricDataList", [])}
    started, ended = description.get("TrainingStartTime"), description.get("TrainingEndTime")
    end = ended or (now or datetime.now(started.tzinfo) if started else None)
    seconds = max((end - started).total_seconds(), 0.0) if started and end else 0.0
    resources = description.get("ResourceConfig", {})
    return Job(
        name=description["TrainingJobName"],
        status=description["TrainingJobStatus"],
        doing=description.get("SecondaryStatus", description["TrainingJobStatus"]),
        hyperparameters={
            key: value.strip('"')  # the SDK sends JSON, which a tuner's own values are not
            for key, value in description.get("HyperParameters", {}).items()
            if not key.startswith(("sagemaker_", "_tuning"))
        },
        instance_type=resources.get("InstanceType", ""),
        instances=resources.get("InstanceCount", 1),
        epoch=int(metrics["epoch"]) if "epoch" in metrics else None,
        objective=metrics.get(OBJECTIVE),
        seconds=seconds,
        billed_seconds=description.get("BillableTimeInSeconds", seconds),
        failure=description.get("FailureReason"),
        spot=description.get("EnableManagedSpotTraining", False),
        trained_seconds=description.get("TrainingTimeInSeconds"),
    )


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


def notes_on(jobs: list[Job], deployment: Deployment, session: Any) -> list[str]:
    """List what is only half made or not whole of all plans of an environment."""
    plans = [find_record(name, deployment, session) for name in list_records(deployment, session)]
    states = [
        state_of(plan, [job for job in jobs if belongs(job.name, plan.name)], deployment, session)
        for plan in plans
        if plan
    ]
    return [state.note for state in states if state.note]


def state_of(plan: Plan, jobs: list[Job], deployment: Deployment, session: Any) -> State:
    """Tell how a plan stands.

    Parameters
    ----------
    plan, jobs
        Of which these were started.
    deployment, session
        Where, and boto3's session there.
    """
    commands = f"Go on: {plan.resume_command}   Drop it: {plan.drop_command}"
    if plan.kind != "sweep":
        return State(None if jobs else f"{plan.name}: half made, no job yet. {commands}")
    tuner = find_tuner(plan.name, deployment, session)
    if tuner is None:
        return State(f"{plan.name}: half made, no tuner yet. {commands}")
    completed = sum(job.status == "Completed" for job in jobs)
    if not tuner.over or completed >= plan.job_count or not all(job.over for job in jobs):
        return State(more=not tuner.over)
    reason = f" ({' '.join(tuner.failure.split())})" if tuner.failure else ""
    progress = f"{tuner.status} with {completed} of {plan.job_count} jobs completed{reason}"
    return State(f"{plan.name}: {progress}. Go on: {plan.resume_command}")
