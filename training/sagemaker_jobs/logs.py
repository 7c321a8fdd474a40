"""``python -m training logs``: what a job wrote, from CloudWatch."""

import argparse
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from training.data.s3 import code_of
from training.sagemaker_jobs.deployment import Deployment, open_session, read_deployment, read_environment
from training.sagemaker_jobs.errors import LaunchError, explained, say

GROUP = "/aws/sagemaker/TrainingJobs"
_MAX_STREAMS = 100
"""That CloudWatch filters at a time: one for each instance of the job."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``logs`` command."""
    parser = subparsers.add_parser("logs", help="print what a SageMaker job wrote so far")
    parser.add_argument("name", metavar="JOB", help="as `jobs` lists it")
    parser.add_argument("--env", default="dev", metavar="NAME", help="environment (%(default)s)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, session: Any = None) -> int:
    """Run the ``logs`` command; gives the exit code."""
    line_count = 0
    try:
        environment = read_environment(options.env)
        session = session or open_session(environment)
        for line in read_log(options.name, read_deployment(environment, session), session):
            sys.stdout.write(line + "\n")
            line_count += 1
    except LaunchError as error:
        say(f"logs: {error}")
        return 2
    if line_count:
        return 0
    say(
        f"logs: {options.name}: no log yet; a job writes one once its image is there. Jobs are listed by: "
        f"python -m training jobs --env {options.env}"
    )
    return 1


def read_log(name: str, deployment: Deployment, session: Any) -> Iterator[str]:
    """Read a job's log, of all its instances, in order of time.

    Raises
    ------
    LaunchError
        AWS refused, or did not answer.
    """
    with explained(f"read the log of {name}", deployment.policy):
        client = session.client("logs")
        try:
            stream_pages = client.get_paginator("describe_log_streams").paginate(
                logGroupName=GROUP, logStreamNamePrefix=f"{name}/"
            )
            streams = [stream["logStreamName"] for page in stream_pages for stream in page["logStreams"]]
            if not streams:
                return
            event_pages = client.get_paginator("filter_log_events").paginate(
                logGroupName=GROUP, logStreamNames=streams[:_MAX_STREAMS]
            )
            for page in event_pages:
                for event in page["events"]:
                    time = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                    yield f"{time:%H:%M:%S} {event['message'].rstrip()}"
        except ClientError as error:
            if code_of(error) != "ResourceNotFoundException":
                raise
