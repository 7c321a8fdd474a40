"""A full disk, as whoever writes to it tells of it."""

import errno

FULL = (errno.ENOSPC, errno.EDQUOT)
_PHRASES = ("database or disk is full", "No space left on device", "Disk quota exceeded")
"""By sqlite, and by libraries whose errors are none of the system's."""


def full_disk(error: BaseException) -> str | None:
    """Tell where the disk is full, if that is what an error comes from; empty where nobody says."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in FULL:
            return str(cause.filename or "")
        if any(phrase in str(cause) for phrase in _PHRASES):
            return ""
        cause = cause.__cause__ or cause.__context__
    return None
