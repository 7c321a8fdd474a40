"""Many images in one call, for Step Functions' Distributed Map: S3 keys in, JSON lines out to S3."""

import hashlib
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

import inference

from . import schemas
from .answers import as_prediction
from .errors import MAX_ERRORS_TOLD, ApiError, UploadNotFound, as_api_error, as_problem
from .observe import audit, logger, measure, side_of
from .service import Service
from .storage import Objects, open_objects

READ_AHEAD: Final = 8
"""Images whose bytes are fetched while another is classified: S3 takes longer to answer than the model does. Only bytes
wait, not pixels, so that a batch of the largest uploads takes 200 MB more and no more."""


class BatchEventError(ValueError):
    """The event is no batch; says which fields are wrong and how, never with a value."""


class BatchInput(schemas.Request):
    """Where a batch reads and writes: ``ItemBatcher.BatchInput`` of the state machine."""

    bucket: str = Field(min_length=1)
    results_bucket: str = Field(min_length=1)
    model: str | None = Field(default=None, min_length=1, description="Which of the service's models; the default.")
    microns_per_pixel: float | None = Field(
        default=None, ge=schemas.MICRONS_PER_PIXEL[0], le=schemas.MICRONS_PER_PIXEL[1], description="Of every image."
    )
    # No part of dots alone: ``a/../../b`` leaves its folder where a key is a path.
    results_prefix: str = Field(
        default="results", pattern=r"^[A-Za-z0-9][A-Za-z0-9_=:.-]*(/[A-Za-z0-9][A-Za-z0-9_=:.-]*)*/?$"
    )


class Item(BaseModel):
    """One object, as ``ItemReader`` lists it; its other fields are not needed."""

    model_config = ConfigDict(extra="ignore")

    key: str = Field(alias="Key", min_length=1)


class BatchEvent(BaseModel):
    """What one child execution sends."""

    model_config = ConfigDict(extra="ignore")

    where: BatchInput = Field(alias="BatchInput")
    items: list[Item] = Field(alias="Items", min_length=1)


class BatchResult(schemas.Answer):
    """What one child execution answers."""

    images: int
    problems: int
    results_key: str
    triage: dict[str, int] = Field(default_factory=dict)
    labels: dict[str, int] = Field(default_factory=dict)
    verdicts: dict[str, int] = Field(default_factory=dict)


def run(service: Service, event: Mapping[str, Any]) -> BatchResult:
    """Classify a list of stored images, one JSON line each.

    A bad image is a line with its problem and fails nothing. The result's key depends on the images alone, so that a
    batch that is run again writes over its own result and nothing is counted twice.

    Parameters
    ----------
    service
        The loaded model and settings.
    event
        ``{"BatchInput": {"bucket", "results_bucket", "results_prefix"}, "Items": [{"Key"}, ...]}``.

    Returns
    -------
    BatchResult
        How many images, how many problems, how many of each side, label and verdict, and where the lines are.

    Raises
    ------
    BatchEventError
        For another event.
    ModelNotFound, inference.ModelError, StorageUnavailable
        Where there is no such model, no image can be read or nothing be written: the state machine should try the
        batch again.
    """
    try:
        batch = BatchEvent.model_validate(event)
    except ValidationError as error:
        # Neither its values nor its keys may reach a log: the names of files are among them.
        errors = error.errors(include_input=False, include_url=False, include_context=False)
        raise BatchEventError(
            "; ".join(f"{_field_name(entry['loc'])}: {entry['type']}" for entry in errors[:MAX_ERRORS_TOLD])
        ) from None
    classifier = service.classifier(batch.where.model)
    source = open_objects(batch.where.bucket)
    keys = [item.key for item in batch.items]
    digest = hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()[:32]
    with ThreadPoolExecutor(READ_AHEAD) as pool:
        reads = _read_ahead(pool, source, keys, service.settings.max_upload_bytes)
        lines = [
            _line(service, classifier, batch.where, key, read, f"{digest}-{number}")
            for number, (key, read) in enumerate(reads)
        ]
    results_key = f"{batch.where.results_prefix.rstrip('/')}/{digest}.jsonl"
    content = "".join(line.model_dump_json(exclude_none=True) + "\n" for line in lines)
    open_objects(batch.where.results_bucket).write(results_key, content.encode(), "application/x-ndjson")
    problems = sum(line.problem is not None for line in lines)
    logger.info("batch", extra={"batch": digest, "images": len(lines), "problems": problems})
    answers = [line.prediction for line in lines if line.prediction]
    return BatchResult(
        images=len(lines),
        problems=problems,
        results_key=results_key,
        triage=Counter(side_of(triage.result, triage.verdict) for answer in answers if (triage := answer.triage)),
        labels=Counter(answer.prediction.label for answer in answers if answer.prediction.label),
        verdicts=Counter(answer.prediction.verdict for answer in answers),
    )


def _field_name(location: tuple[int | str, ...]) -> str:
    """Name a field; a name that the event itself chose is left out."""
    known = {"BatchInput", "Items", "Key", *BatchInput.model_fields}
    return (
        ".".join(str(part) if isinstance(part, int) or part in known else "(unknown)" for part in location) or "event"
    )


def _read_ahead(
    pool: ThreadPoolExecutor, source: Objects, keys: Sequence[str], max_bytes: int
) -> Iterator[tuple[str, Future[bytes | None]]]:
    """Give each key with its read, in order, and keep ``READ_AHEAD`` reads under way."""
    waiting: deque[tuple[str, Future[bytes | None]]] = deque()
    for key in keys:
        waiting.append((key, pool.submit(source.read, key, max_bytes)))
        if len(waiting) > READ_AHEAD:
            yield waiting.popleft()
    yield from waiting


def _line(
    service: Service,
    classifier: inference.Classifier,
    where: BatchInput,
    key: str,
    read: Future[bytes | None],
    request_id: str,
) -> schemas.BatchLine:
    try:
        data = read.result()
        if data is None:
            raise UploadNotFound("There is no such object.")
        answer = classifier.predict(
            data, max_pixels=service.settings.max_pixels, microns_per_pixel=where.microns_per_pixel
        )
    except (ApiError, inference.ImageError) as error:
        api_error = as_api_error(error)
        if api_error.status >= 500:
            raise
        return schemas.BatchLine(key=key, problem=as_problem(api_error, request_id))
    cold_start = service.cold_start.take()
    audit(answer, classifier, request_id, size_bytes=len(data), cold_start=cold_start)
    measure(answer, cold_start=cold_start)
    return schemas.BatchLine(key=key, prediction=as_prediction(answer, classifier, request_id))
