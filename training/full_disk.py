"""A full disk, as whoever writes to it tells of it."""

import errno

FULL = (errno.ENOSPC, errno.EDQUOT)
_SAID = ("database or disk is full", "No space left on device", "Disk quota exceeded")
"""By sqlite, and by libraries whose errors are none of the system's."""


def full_disk(error: BaseException) -> str | None:
    """Tell where the disk is full, if that is what an error comes from; empty where nobody says."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in FULL:
            return str(seen.filename or "")
        if any(one in str(seen) for one in _SAID):
            return ""
        seen = seen.__cause__ or seen.__context__
    return None
