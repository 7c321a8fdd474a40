"""``python -m training stop``: ends a job, or a sweep with all that it started."""

import argparse
from typing import Any

from training.sagemaker_jobs.deployment import Deployment, open_session, read_deployment, read_environment
from training.sagemaker_jobs.errors import LaunchError, explained, say
from training.sagemaker_jobs.jobs import find_tuner, list_jobs
from training.sagemaker_jobs.plan_store import drop_record, find_record


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``stop`` command."""
    parser = subparsers.add_parser("stop", help="stop a SageMaker job or sweep; checkpoints and finished models stay")
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("name", nargs="?", metavar="JOB", help="one training job")
    group.add_argument("--sweep", metavar="NAME", help="a sweep, its tuner and all of its jobs")
    parser.add_argument("--env", default="dev", metavar="NAME", help="environment (%(default)s)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, session: Any = None) -> int:
    """Run the ``stop`` command; gives the exit code."""
    name = options.sweep or options.name
    try:
        environment = read_environment(options.env)
        session = session or open_session(environment)
        deployment = read_deployment(environment, session)
        stopped = stop_all(name, deployment, session)
    except LaunchError as error:
        say(f"stop: {error}")
        return 2
    if not stopped:
        say(f"stop: {name}: nothing runs by that name; listed by: python -m training jobs --env {options.env}")
    return 0 if stopped else 1


def stop_all(name: str, deployment: Deployment, session: Any) -> int:
    """Stop a job, or a tuner and all jobs of a plan, and forget a plan that nothing was started of.

    Returns
    -------
    int
        How many things were stopped or dropped.

    Raises
    ------
    LaunchError
        AWS refused.
    """
    client, stopped = session.client("sagemaker"), 0
    tuner = find_tuner(name, deployment, session) if len(name) <= _MAX_TUNER_NAME else None
    if tuner and tuner.status == "InProgress":
        with explained(f"stop the sweep {name}", deployment.policy):
            client.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        say(f"stopping the sweep {name}: it starts no more jobs")
        stopped += 1
    jobs = list_jobs(name, deployment, session)
    for job in jobs:
        if job.status == "InProgress":
            with explained(f"stop {job.name}", deployment.policy):
                client.stop_training_job(TrainingJobName=job.name)
            say(f"stopping {job.name}")
            stopped += 1
    if tuner is None and not jobs and find_record(name, deployment, session):
        drop_record(name, deployment, session)
        say(f"{name} was only half made: dropped, nothing of it ran")
        stopped += 1
    return stopped


_MAX_TUNER_NAME = 32
"""Characters of a tuner's name; AWS refuses to look a longer one up."""
