"""The results of one batch as rows: every image with its answer, or with the reason why there is none."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

from pydantic import ValidationError

from api.schemas import BatchLine
from client.output import answer_columns

from .aws import DOWNLOADS, Aws
from .errors import BatchError, explained
from .execution import Execution
from .machine import Machine

Row = dict[str, Any]
_WINDOW = 4 * DOWNLOADS
"""Objects in memory at once: with 50 images in each, 2 MB."""
NO_LINE = "the call for it failed"
_SHOWN = 20


class Tally:
    """Counts rows while they are read.

    Attributes
    ----------
    rows, unanswered
        How many passed, and how many of them without an answer.
    first_unanswered
        The first of those.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        self._passing = rows
        self.rows = 0
        self.unanswered = 0
        self.first_unanswered: list[Row] = []

    def __iter__(self) -> Iterator[Row]:
        for row in self._passing:
            self.rows += 1
            if row["error"]:
                self.unanswered += 1
                if len(self.first_unanswered) < _SHOWN:
                    self.first_unanswered.append(row)
            yield row


def read_rows(aws: Aws, machine: Machine, execution: Execution, *, failed_calls: int = 0) -> Iterator[Row]:
    """Give one row an image, those of the results first, then those whose call failed.

    Parameters
    ----------
    aws, machine, execution
        Where to read.
    failed_calls
        Of the summary. Only if there were some, the data bucket is listed again to find the images without a line.

    Yields
    ------
    dict
        ``key``, ``error`` (empty for an answer), and for an answer what ``client.output.answer_columns`` gives.

    Raises
    ------
    BatchError
        If a line is not one of results.
    RefusedError
        If a bucket may not be read.
    """
    seen: set[str] = set()
    for line in _lines(aws, machine.results_bucket, f"{execution.folder}/lines/"):
        if failed_calls:
            seen.add(line.key)
        yield _row(line)
    if failed_calls:
        for s3_object in _objects(aws, machine.data_bucket, execution.prefix):
            # What was put there after the start was never listed.
            if s3_object["Key"] not in seen and s3_object["LastModified"] <= execution.started:
                yield {"key": s3_object["Key"], "error": NO_LINE}


def _lines(aws: Aws, bucket: str, prefix: str) -> Iterator[BatchLine]:
    keys = (s3_object["Key"] for s3_object in _objects(aws, bucket, prefix))
    with ThreadPoolExecutor(DOWNLOADS) as pool:
        # A window at a time: the results of a million images do not fit in memory.
        while window := list(islice(keys, _WINDOW)):
            for key, content in zip(window, pool.map(lambda key: _read(aws, bucket, key), window), strict=True):
                for line in content.splitlines():
                    yield _parse(line, f"s3://{bucket}/{key}")


def _objects(aws: Aws, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
    with explained(f"Listing s3://{bucket}/{prefix}"):
        for page in aws.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            yield from page.get("Contents", [])


def _read(aws: Aws, bucket: str, key: str) -> bytes:
    with explained(f"Reading s3://{bucket}/{key}"):
        return bytes(aws.s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def _parse(line: bytes, where: str) -> BatchLine:
    try:
        return BatchLine.model_validate_json(line)
    except ValidationError as error:
        raise BatchError(f"{where} holds a line that is no result: is the client as new as the service?") from error


def _row(line: BatchLine) -> Row:
    if line.prediction is not None:
        return {"key": line.key, **answer_columns(line.prediction), "error": ""}
    problem = line.problem
    return {"key": line.key, "error": f"{problem.title}: {problem.detail}" if problem else "no answer"}
