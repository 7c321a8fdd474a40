"""One run of the state machine: start it, and follow it to its end."""

import json
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from api.schemas import BatchSummary

from .aws import Aws
from .errors import BatchFailedError, explained
from .machine import Location, Machine

_SHORTEST_WAIT_S = 1.0
_LONGEST_WAIT_S = 10.0
_RUNNING = ("RUNNING", "PENDING_REDRIVE")


@dataclass(frozen=True, slots=True)
class Counts:
    """Images of a batch by what became of them; of a call that failed, all of its images count as failed."""

    total: int
    done: int
    failed: int


@dataclass(frozen=True, slots=True)
class Execution:
    """The state of an execution.

    Attributes
    ----------
    arn, name, state_machine_arn
        Which one; results are below ``batches/<name>``.
    status
        ``RUNNING``, ``SUCCEEDED``, ``FAILED``, ``TIMED_OUT`` or ``ABORTED``.
    prefix
        Of the keys that it classifies.
    started
        When.
    counts
        How far the map is, where the service tells.
    cause
        Why it ended, where not well.
    output
        JSON of its summary, once it succeeded.
    """

    arn: str
    name: str
    state_machine_arn: str
    status: str
    prefix: str
    started: datetime
    counts: Counts | None = None
    cause: str = ""
    output: str = ""

    @property
    def running(self) -> bool:
        """Whether the execution has not ended."""
        return self.status in _RUNNING

    @property
    def folder(self) -> str:
        """Folder of the results bucket that holds the execution's results."""
        return f"batches/{self.name}"

    def summary(self, machine: Machine) -> BatchSummary:
        """Give the sum over a batch that succeeded.

        Raises
        ------
        BatchFailedError
            If it ended otherwise; says why, and where the results are that were written by then.
        """
        if self.status != "SUCCEEDED":
            raise BatchFailedError(
                f"The batch {self.name} ended as {self.status}: {self.cause or 'no cause was given'}. Lines written by"
                f" then are in s3://{machine.results_bucket}/{self.folder}/lines/; docs/runbook.md, BatchFailures, says"
                " what to look at."
            )
        return BatchSummary.model_validate_json(self.output)


def start(aws: Aws, machine: Machine, location: Location) -> str:
    """Start a batch, and give its execution's ARN.

    The name holds nothing of the prefix, which may say what a laboratory calls a patient by.

    Raises
    ------
    RefusedError
        If AWS does not start it.
    """
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    with explained("Starting the batch"):
        started = aws.states.start_execution(
            stateMachineArn=machine.arn, name=name, input=json.dumps({"prefix": location.prefix})
        )
    return str(started["executionArn"])


def describe(aws: Aws, arn: str) -> Execution:
    """Give the state of an execution, without counts.

    Raises
    ------
    RefusedError
        If there is none, or it may not be asked.
    """
    with explained(f"Asking for {arn}"):
        description = aws.states.describe_execution(executionArn=arn)
    return Execution(
        arn=arn,
        name=description["name"],
        state_machine_arn=description["stateMachineArn"],
        status=description["status"],
        prefix=json.loads(description["input"]).get("prefix", ""),
        started=description["startDate"],
        cause=": ".join(filter(None, (description.get("error"), description.get("cause")))),
        output=description.get("output", ""),
    )


def follow(aws: Aws, arn: str, *, sleep: Callable[[float], None] = time.sleep) -> Iterator[Execution]:
    """Give an execution's state again and again, for the last time when it has ended.

    Raises
    ------
    RefusedError
        If AWS stops answering; the batch goes on without us.
    """
    progress = _Progress(aws, arn)
    wait_s = _SHORTEST_WAIT_S
    while True:
        # Counts first: those of an ended execution are then its last.
        counts = progress.counts()
        execution = describe(aws, arn)
        yield replace(execution, counts=counts)
        if not execution.running:
            return
        sleep(wait_s)
        wait_s = min(_LONGEST_WAIT_S, wait_s * 1.2)


class _Progress:
    """Asks the map run how many images are done, while there is one and it may be asked."""

    def __init__(self, aws: Aws, execution_arn: str) -> None:
        self._states = aws.states
        self._execution_arn = execution_arn
        self._map_run_arn: str | None = None
        self._offered = True

    def counts(self) -> Counts | None:
        """Give the counts; None while there is no map run, and for ever where asking for one is refused."""
        from botocore.exceptions import BotoCoreError, ClientError

        if not self._offered:
            return None
        try:
            if self._map_run_arn is None:
                runs = self._states.list_map_runs(executionArn=self._execution_arn)["mapRuns"]
                if not runs:
                    return None
                self._map_run_arn = runs[0]["mapRunArn"]
            return _counts(self._states.describe_map_run(mapRunArn=self._map_run_arn)["itemCounts"])
        except ClientError:
            self._offered = False
        except BotoCoreError:
            pass  # no answer this time; the execution itself is asked next, and says so if that goes on
        return None


def _counts(items: dict[str, Any]) -> Counts:
    failed = items["failed"] + items["timedOut"] + items["aborted"]
    return Counts(total=items["total"], done=items["succeeded"] + failed, failed=failed)
