"""The process that decodes what is not cheap: kept warm, and ended where an image takes too long."""

import atexit
import contextlib
import json
import os
import signal
import sys
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from . import errors
from .errors import DecoderMissing, DecoderUnavailable, ImageError, ImageTooLarge, damaged
from .raster import WORKING_SIDE_PX, Decoded
from .source import Source

if TYPE_CHECKING:
    import subprocess

DEADLINE_S: Final = 5.0
"""Of the processor's time. Every file within the limits takes under 3 s on one core of 2.5 GHz (growth benchmark)."""
GREETING: Final = b"ready\n"
"""A child's first line: it has loaded what it needs, and what ends it from now on is a file."""
_NOT_STARTED: Final = (
    "Images that take work to decode cannot be decoded here: the process for it does not start ({}). Nothing is wrong "
    "with the image; whoever runs the service has to look at its log."
)
_CRASHES: Final = frozenset({-signal.SIGSEGV, -signal.SIGBUS, -signal.SIGABRT, -signal.SIGFPE, -signal.SIGILL})
"""What a fault of a decoder's own ends it by, twice on the same file."""
_CPU_ALARMS: Final = frozenset({-signal.SIGPROF, -signal.SIGALRM, -signal.SIGXCPU})


class DecodingProcess:
    """A child that decodes. Safe to share between threads; a fork takes a child of its own.

    Parameters
    ----------
    deadline_s
        Of the processor's time for one image.
    """

    def __init__(self, deadline_s: float = DEADLINE_S) -> None:
        self.deadline_s = deadline_s
        self._lock = Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._owner = 0
        atexit.register(self.close)

    def decode(self, data: bytes, kind: str, max_pixels: int, working_side_px: int = WORKING_SIDE_PX) -> Decoded:
        """Decode a file in the child.

        Raises
        ------
        ImageError
            What is wrong with the file; ``ImageTooLarge`` where it took too long or too much memory.
        DecoderUnavailable
            The package that decodes it is not installed, or the child does not start.
        """
        with self._lock:
            for last_try in (False, True):
                child = self._running()
                answer = self._ask(child, data, kind, max_pixels, working_side_px)
                if answer is not None:
                    return _decoded(*answer)
                ended = child.wait()
                self._child = None
                if ended in _CPU_ALARMS or ended == -signal.SIGKILL or last_try:
                    break  # otherwise the child had been ended by somebody else: once more
        if ended in _CRASHES:
            raise damaged("The decoder of this format does not survive the file")
        raise ImageTooLarge(
            "The image takes more time or memory to decode than a picture needs: save it again as plain JPEG or PNG.",
            "too-costly",
        )

    @property
    def pid(self) -> int | None:
        """The child's process id; None while there is none."""
        return self._child.pid if self._child is not None and self._owner == os.getpid() else None

    def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is None or self._owner != os.getpid():
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._child is None or self._owner != os.getpid() or self._child.poll() is not None:
            import subprocess  # 10 ms that a plain JPEG does not need

            environment = {
                **{name: value for name, value in os.environ.items() if name in ("PATH", "LD_LIBRARY_PATH", "HOME")},
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                "PYTHONDONTWRITEBYTECODE": "1",
                # One thread: the deadline counts the processor's time, and the machine has other requests.
                "OMP_NUM_THREADS": "1",
                "OPENBLAS_NUM_THREADS": "1",
            }
            try:
                self._child = subprocess.Popen(
                    [sys.executable, "-m", "intake.child"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    env=environment,
                    start_new_session=True,
                )
            except OSError as error:  # no process, memory or file is left
                raise DecoderUnavailable(_NOT_STARTED.format(os.strerror(error.errno or 0))) from error
            self._owner = os.getpid()
            if not _greets(self._child):
                code = self._child.wait()
                self.close()
                raise DecoderUnavailable(_NOT_STARTED.format(f"it ended with code {code}"))
        return self._child

    def _ask(
        self, child: "subprocess.Popen[bytes]", data: bytes, kind: str, max_pixels: int, working_side_px: int
    ) -> tuple[dict[str, Any], bytes] | None:
        """Send a file to the child and give its answer; None where the child ended instead."""
        assert child.stdin is not None  # noqa: S101 - both are pipes
        assert child.stdout is not None  # noqa: S101
        request = {
            "kind": kind,
            "bytes": len(data),
            "max_pixels": max_pixels,
            "working_side_px": working_side_px,
            "seconds": self.deadline_s,
        }
        try:
            child.stdin.write(json.dumps(request).encode() + b"\n")
            child.stdin.write(data)
            child.stdin.flush()
        except BrokenPipeError:
            return None
        line = child.stdout.readline()
        if not line.endswith(b"\n"):
            return None
        header: dict[str, Any] = json.loads(line)
        pixels = child.stdout.read(header["bytes"])
        return (header, pixels) if len(pixels) == header["bytes"] else None


def _greets(child: "subprocess.Popen[bytes]") -> bool:
    assert child.stdout is not None  # noqa: S101 - it is a pipe
    return child.stdout.readline() == GREETING


def _decoded(answer: dict[str, Any], pixels: bytes) -> Decoded:
    if "missing" in answer:
        raise DecoderMissing(*answer["missing"])
    if "error" in answer:
        kind: type[ImageError] = getattr(errors, answer["error"])
        raise kind(answer["message"], answer["reason"])
    facts = answer["decoded"]
    source = {**facts["source"], "value_range": tuple(facts["source"]["value_range"] or ()) or None}
    array = np.frombuffer(pixels, np.uint8).reshape(answer["shape"])
    return Decoded(array, facts["width"], facts["height"], facts["frames"], Source(**source), tuple(facts["notes"]))
