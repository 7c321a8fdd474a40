"""The typed Python client of the Leukolens API.

Examples
--------
>>> from client import LeukolensClient
>>> with LeukolensClient("http://127.0.0.1:8000") as leukolens:  # doctest: +SKIP
...     answer = leukolens.predict(Path("field.jpg"))
...     print(answer.prediction.label, answer.prediction.verdict)
"""

from .auth import BearerToken, ClientCredentials
from .client import LeukolensClient
from .errors import (
    AuthenticationError,
    InvalidAnswerError,
    LeukolensError,
    NotAllowedError,
    NotFoundError,
    RefusedImageError,
    RequestError,
    ServiceError,
    TooLargeError,
    TooManyRequestsError,
    UnavailableError,
    UnreachableError,
)
from .retry import RetryPolicy

__all__ = [
    "AuthenticationError",
    "BearerToken",
    "ClientCredentials",
    "InvalidAnswerError",
    "LeukolensClient",
    "LeukolensError",
    "NotAllowedError",
    "NotFoundError",
    "RefusedImageError",
    "RequestError",
    "RetryPolicy",
    "ServiceError",
    "TooLargeError",
    "TooManyRequestsError",
    "UnavailableError",
    "UnreachableError",
]
