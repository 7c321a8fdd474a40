"""A job that is told to end, by a spot interruption or by its owner: SIGTERM, and two minutes later SIGKILL."""

import signal
from types import FrameType


class Interrupted(KeyboardInterrupt):
    """The job was told to end: what a keyboard's Ctrl-C is on a laptop, and no error either."""


class Stop:
    """Whether the job was told to end.

    Attributes
    ----------
    requested
        It was.
    wait_for_batches
        Somebody asks by ``check`` at a moment that suits; until then the signal waits, so that no checkpoint is cut
        in the middle of its writing.
    """

    def __init__(self) -> None:
        self.requested = False
        self.wait_for_batches = False

    def listen(self) -> None:
        """Take SIGTERM as the request; only in the main thread."""
        signal.signal(signal.SIGTERM, self._receive)

    def check(self) -> None:
        """Raise if the job was told to end.

        Raises
        ------
        Interrupted
            It was.
        """
        if self.requested:
            raise Interrupted

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        if not self.wait_for_batches:
            self.check()
