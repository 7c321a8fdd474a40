"""When to try again, and how long to wait before it."""

import email.utils
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

RETRIED_STATUSES = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off with full jitter, which spreads clients that failed together.

    See https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.

    Parameters
    ----------
    attempts
        Tries in all; 1 never tries again.
    base_s, cap_s
        The wait before try n is uniform between 0 and ``min(cap_s, base_s * 2 ** (n - 1))``.
    max_retry_after_s
        The longest wait that a service may ask for by ``Retry-After``; asked for more, the client gives up at once.
    uniform
        Draws from a range; replaced where a repeatable wait is wanted.
    """

    attempts: int = 4
    base_s: float = 0.25
    cap_s: float = 8.0
    max_retry_after_s: float = 30.0
    uniform: Callable[[float, float], float] = random.uniform

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        if self.attempts < 1 or min(self.base_s, self.cap_s, self.max_retry_after_s) < 0:
            raise ValueError("attempts must be at least 1, and no wait may be negative")

    def wait_s(self, attempt: int, response: httpx.Response | None) -> float | None:
        """Say how long to wait after a failed try.

        Parameters
        ----------
        attempt
            Number of the try that failed, from 1.
        response
            What came; None when nothing did.

        Returns
        -------
        float or None
            Seconds; None when there shall be no further try.
        """
        if attempt >= self.attempts:
            return None
        backoff_s = self.uniform(0.0, min(self.cap_s, self.base_s * 2 ** (attempt - 1)))
        if response is None:
            return backoff_s
        if response.status_code not in RETRIED_STATUSES:
            return None
        asked_s = retry_after_s(response.headers.get("retry-after"))
        if asked_s is None:
            return backoff_s
        # Jitter on top: whoever was told the same second should not come back in it together.
        return asked_s + backoff_s if asked_s <= self.max_retry_after_s else None


def retry_after_s(value: str | None) -> float | None:
    """Read a ``Retry-After`` header, in seconds or as an HTTP date; None when there is none to understand."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        at = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
