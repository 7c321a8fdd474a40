"""Messages in parts, so that none is larger than a poll may be. ``static/polling.js`` holds the other end."""

from collections.abc import Iterator

PART_BYTES = 256 * 1024
"""Of one part, before base64: small beside the 1 MB that many proxies allow a request."""
MORE, LAST = b"\x00", b"\x01"
"""First byte of each part: whether its message goes on."""


class FrameError(ValueError):
    """The other end does not keep to the format, or sends a message that is too large."""


def split(message: bytes) -> Iterator[bytes]:
    r"""Cut a message into parts that fit into one frame each.

    Parameters
    ----------
    message : bytes
        Of any length, empty too.

    Yields
    ------
    bytes
        At most ``PART_BYTES`` and the first byte.

    Examples
    --------
    >>> list(split(b"abc"))
    [b'\x01abc']
    """
    last = max(0, len(message) - 1) // PART_BYTES
    for part in range(last + 1):
        yield (LAST if part == last else MORE) + message[part * PART_BYTES : (part + 1) * PART_BYTES]


class Joiner:
    """Puts the parts of a message together again.

    Parameters
    ----------
    limit_bytes : int
        Of a whole message.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._parts: list[bytes] = []
        self._held_bytes = 0

    def take(self, part: bytes | str) -> bytes | None:
        """Take in the next part; gives the message when it is whole.

        Parameters
        ----------
        part : bytes or str
            As it came; text is not of this format.

        Returns
        -------
        bytes or None
            The message, once its last part is there.

        Raises
        ------
        FrameError
            The part is none, or the message is too large.
        """
        if isinstance(part, str) or part[:1] not in (MORE, LAST):
            raise FrameError("a part must be bytes that begin with 0 or 1")
        self._held_bytes += len(part) - 1
        if self._held_bytes > self._limit_bytes:
            raise FrameError(f"a message must not be over {self._limit_bytes} bytes")
        self._parts.append(part[1:])
        if part[:1] == MORE:
            return None
        message = b"".join(self._parts)
        self._parts, self._held_bytes = [], 0
        return message
