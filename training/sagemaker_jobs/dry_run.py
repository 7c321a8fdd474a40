"""What would be sent to AWS, without sending it: the SDK's own requests, caught at the last moment."""

import json
from typing import Any

import boto3

from training.sagemaker_jobs.deployment import Deployment
from training.sagemaker_jobs.plan import Plan
from training.sagemaker_jobs.prices import Estimate


class _CaughtError(Exception):
    """Carries a request out of the SDK."""

    def __init__(self, body: dict[str, Any]) -> None:
        super().__init__("caught")
        self.body = body


def dry_run(plan: Plan, deployment: Deployment, cost: Estimate) -> dict[str, Any]:
    """Give the requests of a plan, as JSON would hold them.

    Returns
    -------
    dict
        ``cost``; ``jobs``, the CreateTrainingJob request of each job; for a sweep ``tuner``, the one request that is
        really sent, from which SageMaker makes those of the jobs. A search chooses its jobs as it goes: none is known.
    """
    from training.sagemaker_jobs.requests import trainer, tuner  # it takes seconds

    session = _session(deployment.region)
    jobs = []
    for number, hyperparameters in enumerate(plan.combinations, 1):
        job = _capture_request(
            lambda h=hyperparameters: trainer(plan, deployment, h, session, plan.name).train(wait=False)
        )
        job["TrainingJobName"] = job_name(plan, number)
        jobs.append(job)
    requests: dict[str, Any] = {"cost": {**vars(cost), "currency": "USD"}}
    if plan.kind == "sweep":
        requests["tuner"] = _capture_request(
            lambda: tuner(plan, deployment, session).tune(job_name=plan.name, wait=False)
        )
    return {**requests, "jobs": jobs}


def job_name(plan: Plan, number: int) -> str:
    """Give what a job will be called, as far as is known before: SageMaker appends a word, the SDK the time."""
    return f"{plan.name}-{number:03}-SUFFIX" if plan.kind == "sweep" else f"{plan.name}-TIME"


def _session(region: str) -> boto3.Session:
    # Nothing is signed or sent: the names stand where botocore wants some.
    session = boto3.Session(aws_access_key_id="dry", aws_secret_access_key="run", region_name=region)  # noqa: S106
    session.events.register("before-call.sagemaker", _raise_request)
    return session


def _raise_request(params: dict[str, Any], **_: Any) -> None:
    raise _CaughtError(json.loads(params["body"]))


def _capture_request(send: Any) -> dict[str, Any]:
    try:
        send()
    except _CaughtError as caught:
        return caught.body
    raise AssertionError("the SDK returned without a request to SageMaker")
