"""Entry point that sums up a batch: what its calls answered, as one object beside its results. Loads no model."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from api import schemas
from api.batch import BatchResult
from api.storage import Objects, open_objects

_MAX_BYTES: Final = 256_000_000
"""A line a call of at most a few hundred bytes: enough for 50 million images in calls of 50."""


class SummaryEvent(BaseModel):
    """What the state machine sends after its map."""

    model_config = ConfigDict(extra="forbid")

    results_bucket: str = Field(min_length=1)
    folder: str = Field(min_length=1)
    calls: dict[str, Any] | list[dict[str, Any] | None]
    """The map's output: where its ResultWriter wrote, or, without one, what each call answered."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Sum up one batch.

    Parameters
    ----------
    event
        See :class:`SummaryEvent`.
    context
        Lambda's context.

    Returns
    -------
    dict
        A :class:`api.schemas.BatchSummary`.
    """
    return run(event).model_dump()


def run(event: Mapping[str, Any]) -> schemas.BatchSummary:
    """Read what every call answered, add it up, and write the sum.

    Raises
    ------
    pydantic.ValidationError
        For another event, or another answer of a call.
    StorageUnavailable
        Where the answers cannot be read or the sum not be written.
    """
    request = SummaryEvent.model_validate(event)
    bucket = open_objects(request.results_bucket)
    triage: Counter[str] = Counter()
    labels: Counter[str] = Counter()
    verdicts: Counter[str] = Counter()
    summary = schemas.BatchSummary(folder=request.folder)
    for answer in _answers(bucket, request.calls):
        summary.calls += 1
        if answer is None:
            summary.failed_calls += 1
            continue
        result = BatchResult.model_validate(answer)
        summary.images += result.images
        summary.problems += result.problems
        triage.update(result.triage)
        labels.update(result.labels)
        verdicts.update(result.verdicts)
    for name, counts in (("triage", triage), ("labels", labels), ("verdicts", verdicts)):
        setattr(summary, name, dict(sorted(counts.items())))
    bucket.write(f"{request.folder}/summary.json", summary.model_dump_json(indent=2).encode(), "application/json")
    return summary


def _answers(bucket: Objects, calls: dict[str, Any] | list[dict[str, Any] | None]) -> Iterator[dict[str, Any] | None]:
    """Give what each call answered; None for one that failed."""
    if isinstance(calls, list):
        yield from calls
        return
    # https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
    manifest = json.loads(_read(bucket, calls["ResultWriterDetails"]["Key"]))
    for status, files in manifest["ResultFiles"].items():
        for file in files:
            for line in _read(bucket, file["Key"]).splitlines():
                yield json.loads(line) if status == "SUCCEEDED" else None


def _read(bucket: Objects, key: str) -> bytes:
    data = bucket.read(key, _MAX_BYTES)
    if data is None:
        raise FileNotFoundError(f"{key} is not in the results bucket: its manifest names it")
    return data
