"""What can go wrong between a caller and the service, as types."""

import httpx
from pydantic import ValidationError

from api.schemas import Problem


class LeukolensError(Exception):
    """Base of everything that the client raises."""


class UnreachableError(LeukolensError):
    """No answer came: no connection, a broken one, or a time-out."""


class AuthenticationError(LeukolensError):
    """The token endpoint gave no token."""


class InvalidAnswerError(LeukolensError):
    """An answer came that is not the API's: often a wrong URL, or a proxy in between."""


class ServiceError(LeukolensError):
    """The service answered with an error.

    Attributes
    ----------
    problem
        The ``application/problem+json`` document (RFC 9457); made from the status where the answer held none.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.title} ({problem.status}): {problem.detail}")
        self.problem = problem

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.problem.status


class RequestError(ServiceError):
    """A 4xx: the same request would fail again."""


class NotAllowedError(RequestError):
    """401 or 403: the token is missing, expired, or not for this."""

    @property
    def expired(self) -> bool:
        """Whether another token may be let in: 401, where 403 would be the answer to a token that is valid."""
        return self.status == 401


class NotFoundError(RequestError):
    """404 or 405: often a wrong URL."""


class RefusedImageError(RequestError):
    """415 or 422: not an image that the service reads."""


class TooLargeError(RequestError):
    """413: too many bytes or pixels."""


class TooManyRequestsError(ServiceError):
    """429, still after every retry."""


class UnavailableError(ServiceError):
    """A 5xx, still after every retry."""


_BY_STATUS: dict[int, type[ServiceError]] = {
    401: NotAllowedError,
    403: NotAllowedError,
    404: NotFoundError,
    405: NotFoundError,
    413: TooLargeError,
    415: RefusedImageError,
    422: RefusedImageError,
    429: TooManyRequestsError,
}


def service_error(response: httpx.Response) -> ServiceError:
    """Turn an answer of 400 or more into the error to raise; its body must have been read."""
    kind = _BY_STATUS.get(response.status_code, UnavailableError if response.status_code >= 500 else RequestError)
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:
        # A gateway or proxy on the way answers in its own words.
        title = response.reason_phrase or "Error"
        detail = response.text.strip()[:300] or "the answer holds no explanation"
        problem = Problem(type="about:blank", title=title, status=response.status_code, detail=detail)
    return kind(problem)
