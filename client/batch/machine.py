"""What a deployed state machine reads and writes, and whether a prefix fits it."""

import json
import re
from dataclasses import dataclass
from typing import Any

from .aws import Aws
from .errors import BatchError, WrongRequestError, explained

_LOCATION = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(/(?P<prefix>.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Location:
    """A prefix of a bucket.

    Attributes
    ----------
    bucket
        Its name.
    prefix
        What the keys begin with; never empty.
    """

    bucket: str
    prefix: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"


def parse_location(text: str) -> Location:
    """Read ``s3://BUCKET/PREFIX``.

    Raises
    ------
    WrongRequestError
        If it is none. A whole bucket is refused, too: a million fields are easily named by mistake.
    """
    match = _LOCATION.fullmatch(text)
    if match is None:
        raise WrongRequestError(f"{text!r} is no place in S3: give s3://BUCKET/PREFIX")
    if not match["prefix"]:
        raise WrongRequestError(f"{text!r} names a whole bucket: give what the keys of the fields begin with, too")
    return Location(match["bucket"], match["prefix"])


@dataclass(frozen=True, slots=True)
class Machine:
    """A state machine that runs batches.

    Attributes
    ----------
    arn
        Its ARN.
    data_bucket
        What it lists and reads.
    results_bucket
        Where it writes.
    """

    arn: str
    data_bucket: str
    results_bucket: str


def describe_machine(aws: Aws, arn: str) -> Machine:
    """Ask for a state machine's definition, and read the two buckets from it.

    Raises
    ------
    RefusedError
        If there is none, or it may not be asked.
    BatchError
        If it is another kind of state machine.
    """
    with explained(f"Looking at {arn}"):
        definition = json.loads(aws.states.describe_state_machine(stateMachineArn=arn)["definition"])
    try:
        each = next(state for state in definition["States"].values() if "ItemReader" in state)
        return Machine(arn, _bucket(each["ItemReader"]), _bucket(each["ResultWriter"]))
    except (StopIteration, KeyError) as error:
        raise BatchError(f"{arn} is no state machine of batches: it maps over no bucket") from error


def check_location(aws: Aws, machine: Machine, location: Location) -> None:
    """Check that there is something to classify where the machine reads.

    Raises
    ------
    WrongRequestError
        If the machine reads another bucket, or nothing has the prefix.
    RefusedError
        If the bucket may not be listed.
    """
    if location.bucket != machine.data_bucket:
        raise WrongRequestError(
            f"{location}: this environment's batches read the bucket {machine.data_bucket} only; copy the fields there"
            f" (aws s3 cp --recursive {location} s3://{machine.data_bucket}/{location.prefix}), or name another --env"
        )
    with explained(f"Listing {location}"):
        listing = aws.s3.list_objects_v2(Bucket=location.bucket, Prefix=location.prefix, MaxKeys=1)
    if not listing.get("KeyCount"):
        raise WrongRequestError(f"{location}: no object's key begins so; nothing was started")


def _bucket(state_part: dict[str, Any]) -> str:
    return str(state_part["Parameters"]["Bucket"])
