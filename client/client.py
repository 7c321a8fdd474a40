"""The client: one method for each thing that the API does."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Self

import httpx
from pydantic import BaseModel

from api.schemas import (
    PROBLEM_TYPE_PREFIX,
    FeedbackReceipt,
    FeedbackRequest,
    Health,
    ImageType,
    ListedModel,
    ModelList,
    ModelSummary,
    Prediction,
    Problem,
    Report,
    ReportField,
    ReportRequest,
    ReportTriage,
    StoredImage,
    UploadRequest,
    UploadTicket,
)

from .auth import BearerToken
from .errors import RefusedImageError
from .images import ImageSource
from .retry import RetryPolicy
from .transport import Model, Transport, connect, parse

# Lambda takes 6 MB of payload, about 4.5 MB before base64; larger images go through an upload.
INLINE_LIMIT_BYTES = 4_400_000
TIMEOUT_S = 35.0  # the API's own is 30 s


class LeukolensClient:
    """Speaks to one Leukolens service. Safe to share between threads; close it, or use it in a ``with``.

    Parameters
    ----------
    base_url
        Of the service, such as ``http://127.0.0.1:8000``.
    token
        A bearer token that the caller has.
    auth
        Instead of a token: ``ClientCredentials`` for a machine, or any httpx authentication.
    retry
        When to try again after 429, 5xx and lost connections. Every call of this API may be repeated.
    timeout_s
        For each wait on the service, of each try.
    inline_limit_bytes
        Images above it travel through ``POST /v1/uploads``.
    max_connections
        Open at a time; threads beyond it wait.

    Raises
    ------
    ValueError
        For an address that is not http(s), or a token and ``auth`` together.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None = None,
        auth: httpx.Auth | None = None,
        retry: RetryPolicy | None = None,
        timeout_s: float = TIMEOUT_S,
        inline_limit_bytes: int = INLINE_LIMIT_BYTES,
        max_connections: int = 32,
    ) -> None:
        if token is not None and auth is not None:
            raise ValueError("Give a token or auth, not both.")
        signed = BearerToken(token) if token is not None else auth
        http = connect(base_url, auth=signed, timeout_s=timeout_s, max_connections=max_connections)
        self._transport = Transport(http, retry or RetryPolicy())
        self._inline_limit_bytes = inline_limit_bytes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.http.close()

    def predict(
        self,
        data: bytes | Path,
        explain: bool = False,
        content_type: str | None = None,
        *,
        model: str | None = None,
        microns_per_pixel: float | None = None,
    ) -> Prediction:
        """Classify one image.

        Parameters
        ----------
        data
            The file's bytes, or its path.
        explain
            Ask for the heat map, too.
        content_type
            Sent instead of what the first bytes say; the service trusts neither.
        model
            Which of the service's models; the default without it.
        microns_per_pixel
            Size of a pixel of the image, where it is known.

        Raises
        ------
        RefusedImageError, TooLargeError, NotAllowedError, TooManyRequestsError, UnavailableError, ServiceError
            When the service refuses.
        UnreachableError, InvalidAnswerError, AuthenticationError
            When no answer could be had.
        OSError
            When the file cannot be read.
        """
        source = ImageSource(data)
        query = {"explain": "true"} if explain else {}
        query |= {"model": model} if model else {}
        query |= {"microns_per_pixel": repr(float(microns_per_pixel))} if microns_per_pixel is not None else {}
        if source.size_bytes > self._inline_limit_bytes:
            stored = StoredImage(upload_id=self.upload(data, content_type=content_type))
            return self._post("/v1/predictions", stored, Prediction, query)
        media_type = content_type or _media_type(source)
        response = self._transport.exchange(
            "POST", "/v1/predictions", params=query, content=source.read(), headers={"content-type": media_type}
        )
        return parse(response, Prediction)

    def upload(self, data: bytes | Path, *, content_type: str | None = None) -> str:
        """Put an image where the service can read it; gives the ``upload_id``.

        Raises
        ------
        RefusedImageError
            When the file is empty, or the service refuses the type.
        TooLargeError
            When the file is over the service's limit for uploads.
        """
        source = ImageSource(data)
        request = {"content_type": content_type or _media_type(source), "size_bytes": source.size_bytes}
        ticket = self._post("/v1/uploads", UploadRequest.model_validate(request), UploadTicket)
        # The ticket's own signature lets the image into the object store, which must not see our token.
        image = {"file": ("image", source.read())}
        self._transport.exchange("POST", ticket.url, data=ticket.fields, files=image, auth=None)
        return ticket.upload_id

    def feedback(self, feedback: FeedbackRequest, *, model: str | None = None) -> FeedbackReceipt:
        """Store a reviewer's label for a request that ``model`` answered; the same feedback again changes nothing."""
        return self._post("/v1/feedback", feedback, FeedbackReceipt, {"model": model} if model else None)

    def report(self, predictions: Iterable[Prediction]) -> Report:
        """Sum up the fields of one specimen: counts and shares, never a diagnosis.

        Raises
        ------
        ValueError
            Without a prediction, or when they are by different models.
        """
        answers = list(predictions)
        models = {answer.model.sha256 for answer in answers}
        if len(models) != 1:
            raise ValueError(f"A report is of predictions by one model; these are {len(answers)} by {len(models)}.")
        fields = [
            ReportField(
                image_sha256=answer.image.sha256,
                label=answer.prediction.label,
                verdict=answer.prediction.verdict,
                triage=ReportTriage(result=answer.triage.result, verdict=answer.triage.verdict)
                if answer.triage
                else None,
            )
            for answer in answers
        ]
        return self._post("/v1/reports", ReportRequest(model_sha256=models.pop(), fields=fields), Report)

    def model(self, name: str | None = None) -> ModelSummary:
        """Give the card of the default model, or of the one of a name."""
        query = {"model": name} if name else {}
        return parse(self._transport.exchange("GET", "/v1/model", params=query), ModelSummary)

    def models(self) -> list[ListedModel]:
        """List the models of the service, the default first."""
        return parse(self._transport.exchange("GET", "/v1/models"), ModelList).models

    def health(self, deep: bool = False) -> Health:
        """Ask whether the service is up; ``deep`` makes it run one inference."""
        query = {"deep": "true"} if deep else {}
        return parse(self._transport.exchange("GET", "/v1/health", params=query), Health)

    def _post(self, path: str, body: BaseModel, answer: type[Model], query: Mapping[str, str] | None = None) -> Model:
        response = self._transport.exchange(
            "POST",
            path,
            params=query,
            content=body.model_dump_json(exclude_none=True),
            headers={"content-type": "application/json"},
        )
        return parse(response, answer)


def _media_type(source: ImageSource) -> ImageType:
    """Name the type by the first bytes; an empty file is refused as the service would."""
    if source.size_bytes == 0:
        raise RefusedImageError(
            Problem(
                type=PROBLEM_TYPE_PREFIX + "nothing-to-read",
                title="The request holds nothing to read",
                status=400,
                detail="The file is empty: send the bytes of an image.",
                reason="empty",
            )
        )
    return source.media_type
